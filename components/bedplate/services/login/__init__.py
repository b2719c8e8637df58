"""Who somebody is: the login proxy and its sessions."""
