-- What users were told is lost; what was sent by e-mail and the like is out of reach.
drop function if exists
  runcast.notify_user(uuid, uuid, text, text, jsonb, text), runcast.find_recipients(uuid, uuid, text[]),
  runcast.email_of_user(uuid);
drop table if exists runcast.notifications, runcast.notification_counters;
