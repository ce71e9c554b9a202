"""Google Cloud: whose rights jobs have, what their options may be, and what its refusals mean."""
