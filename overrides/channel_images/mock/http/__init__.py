"""How the mock server speaks HTTP: answers and links, tokens, the transport, and the journal of requests."""
