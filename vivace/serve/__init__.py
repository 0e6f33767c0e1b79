"""The HTTP and WebSocket server: many dialects, one way of speaking."""
