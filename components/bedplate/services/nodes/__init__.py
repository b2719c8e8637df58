"""What nodes need of the platform, and what pods need to get one."""
