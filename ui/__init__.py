"""The page for the browser: a Gradio app whose answers open their proof. See ui/app.py."""
