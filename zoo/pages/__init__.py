"""HTML: templates with one style and one script. It knows nothing of networks; questions and formats give it what to show."""
