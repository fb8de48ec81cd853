// An account that may read what courselens reads of MongoDB: course structures, and the forum of
// older sites. mongosh takes its password from the environment.
db.getSiblingDB("admin").createUser({
  user: "courselens",
  pwd: process.env.READER_PASSWORD,
  roles: [
    { role: "read", db: "openedx" },
    { role: "read", db: "cs_comments_service" },
  ],
});
