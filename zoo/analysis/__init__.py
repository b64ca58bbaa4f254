"""From a trace to a table: columns, conventions, rows and stages. Nothing here imports torch."""
