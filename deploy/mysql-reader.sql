-- An account that may read what courselens reads of an Open edX database and nothing else: no e-mail
-- address, no password, no real name. Run with `mysql --force`: a table that this release of the
-- platform does not have gives error 1146, is skipped, and `courselens check` says what it costs.
CREATE USER courselens@'%' IDENTIFIED BY 'READER_PASSWORD';
GRANT SELECT (id, username, is_active, is_staff, is_superuser) ON openedx.auth_user TO courselens@'%';
GRANT SELECT (id, user_id, year_of_birth, gender, level_of_education, country) ON openedx.auth_userprofile TO courselens@'%';
GRANT SELECT ON openedx.certificates_generatedcertificate TO courselens@'%';
GRANT SELECT ON openedx.completion_blockcompletion TO courselens@'%';
GRANT SELECT ON openedx.course_groups_cohortmembership TO courselens@'%';
GRANT SELECT ON openedx.course_groups_courseusergroup TO courselens@'%';
GRANT SELECT ON openedx.course_groups_courseusergroup_users TO courselens@'%';
GRANT SELECT ON openedx.course_groups_courseusergrouppartitiongroup TO courselens@'%';
GRANT SELECT ON openedx.course_overviews_courseoverview TO courselens@'%';
GRANT SELECT ON openedx.courseware_studentmodule TO courselens@'%';
GRANT SELECT ON openedx.courseware_studentmodulehistory TO courselens@'%';
GRANT SELECT ON openedx.django_content_type TO courselens@'%';
GRANT SELECT ON openedx.edx_when_contentdate TO courselens@'%';
GRANT SELECT ON openedx.edx_when_userdate TO courselens@'%';
GRANT SELECT ON openedx.edxval_coursevideo TO courselens@'%';
GRANT SELECT ON openedx.edxval_video TO courselens@'%';
GRANT SELECT ON openedx.forum_comment TO courselens@'%';
GRANT SELECT ON openedx.forum_commentthread TO courselens@'%';
GRANT SELECT ON openedx.forum_mongocontent TO courselens@'%';
GRANT SELECT ON openedx.forum_uservote TO courselens@'%';
GRANT SELECT ON openedx.grades_persistentcoursegrade TO courselens@'%';
GRANT SELECT ON openedx.grades_persistentsubsectiongrade TO courselens@'%';
GRANT SELECT ON openedx.grades_persistentsubsectiongradeoverride TO courselens@'%';
GRANT SELECT ON openedx.split_modulestore_django_splitmodulestorecourseindex TO courselens@'%';
GRANT SELECT ON openedx.student_courseaccessrole TO courselens@'%';
GRANT SELECT ON openedx.student_courseenrollment TO courselens@'%';
GRANT SELECT ON openedx.student_courseenrollment_history TO courselens@'%';
GRANT SELECT ON openedx.track_trackinglog TO courselens@'%';
GRANT SELECT ON openedx.user_api_usercoursetag TO courselens@'%';
-- Newer sites keep the history of problem states in a second database, some in the first.
GRANT SELECT ON openedx.coursewarehistoryextended_studentmodulehistoryextended TO courselens@'%';
GRANT SELECT ON edxapp_csmh.coursewarehistoryextended_studentmodulehistoryextended TO courselens@'%';
