"""Never run, only type-checked."""
