"""The routes: each reads a request, calls one function, and answers."""
