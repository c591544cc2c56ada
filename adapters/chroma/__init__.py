"""The vector store on a Chroma server."""
