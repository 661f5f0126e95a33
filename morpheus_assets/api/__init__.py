"""The HTTP API and the search page: the application, its routes and layers."""
