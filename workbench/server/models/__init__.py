"""What requests may say and what answers hold, a module per theme of the routes.

The same models validate, make the OpenAPI document, and are what the client gives.
"""
