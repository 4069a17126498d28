"""What every Hub app stands on: settings, tenant walls, doors, the API's manners, sealed values, work rows."""
