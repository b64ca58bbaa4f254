"""Rules on architectures, one file each: what is wrong or wasteful, with evidence."""
