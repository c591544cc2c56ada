"""Examples of the API's calls: what is sent, and what is answered."""
