"""The Flask front end: API, pages, health."""
