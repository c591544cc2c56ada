"""MCP (Model Context Protocol): the messages of both its eras, and the tools that Quern offers."""
