"""The product: pure model and policy in the middle, the durable engine around it."""
