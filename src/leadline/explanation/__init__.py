"""Why a lead has its score: drivers, reasons, the next best action."""
