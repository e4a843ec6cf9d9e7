-- The triggers that say whose membership has changed. A user_tenants that was dropped and made again, or restored with
-- its triggers off, has to get them again.
select runcast.attach_access_hints();
