"""How the bytes of a text become letters."""
