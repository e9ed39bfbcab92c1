"""Results as text: plain, table, JSON, CSV, Markdown. rich lives here."""
