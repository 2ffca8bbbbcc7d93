"""HubSpot and Salesforce: their tables and what leadline makes of them."""
