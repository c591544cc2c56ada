"""Text with marks: web pages, Markdown, XML, notebooks."""
