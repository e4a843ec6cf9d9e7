-- Open invitations by address are lost; members, and the invited who have an account's id, stay.
drop function if exists
  runcast.member_emails(uuid[], uuid[]), runcast.remove_member(uuid, uuid), runcast.change_member_role(uuid, uuid, text, text),
  runcast.decline_invitation(uuid), runcast.accept_invitation(uuid), runcast.invitations_of_caller(),
  runcast.revoke_invitation(uuid, text), runcast.invite_email(uuid, text, text),
  runcast.invite_user(uuid, uuid, text), runcast.create_tenant(text, text, jsonb),
  runcast.has_other_admin(uuid, uuid), runcast.lock_tenant(uuid, text[]), runcast.email_of_caller();
drop table if exists runcast.invitations;
