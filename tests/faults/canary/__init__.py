"""A key that may be seen nowhere: where it is planted, who says it back, how it is looked for."""
