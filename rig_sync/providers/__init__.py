"""One module per provider; each has a `Client`. Siblings never import each other."""
