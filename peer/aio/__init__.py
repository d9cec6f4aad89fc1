"""asyncio: lines, connecting, listening, finding each other. The only room that knows it."""
