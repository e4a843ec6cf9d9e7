drop table runcast.secrets;
