"""A resource becomes a Helm release here: values are rendered, Helm applies them, its records are read."""
