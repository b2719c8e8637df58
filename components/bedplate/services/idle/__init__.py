"""What nobody uses is stopped, and started when somebody asks for it."""
