-- The tables of an Open edX installation that courselens reads: columns, types, indexes.
-- Foreign keys are left out, their indexes are not. One statement per table; no semicolon inside.

CREATE TABLE auth_user (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  password varchar(128) NOT NULL,
  last_login datetime(6) DEFAULT NULL,
  is_superuser tinyint(1) NOT NULL,
  username varchar(150) NOT NULL,
  first_name varchar(150) NOT NULL,
  last_name varchar(150) NOT NULL,
  email varchar(254) NOT NULL,
  is_staff tinyint(1) NOT NULL,
  is_active tinyint(1) NOT NULL,
  date_joined datetime(6) NOT NULL,
  UNIQUE KEY username (username),
  UNIQUE KEY email (email)
);

CREATE TABLE auth_userprofile (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(255) NOT NULL,
  meta longtext NOT NULL,
  courseware varchar(255) NOT NULL,
  language varchar(255) NOT NULL,
  location varchar(255) NOT NULL,
  year_of_birth int DEFAULT NULL,
  gender varchar(6) DEFAULT NULL,
  level_of_education varchar(6) DEFAULT NULL,
  mailing_address longtext,
  city longtext,
  country varchar(2) DEFAULT NULL,
  state varchar(2) DEFAULT NULL,
  goals longtext,
  bio varchar(3000) DEFAULT NULL,
  profile_image_uploaded_at datetime(6) DEFAULT NULL,
  phone_number varchar(50) DEFAULT NULL,
  user_id int NOT NULL,
  UNIQUE KEY user_id (user_id),
  KEY auth_userprofile_name (name),
  KEY auth_userprofile_language (language),
  KEY auth_userprofile_location (location),
  KEY auth_userprofile_year_of_birth (year_of_birth),
  KEY auth_userprofile_gender (gender),
  KEY auth_userprofile_level_of_education (level_of_education)
);

CREATE TABLE student_anonymoususerid (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  anonymous_user_id varchar(32) NOT NULL,
  course_id varchar(255) NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY anonymous_user_id (anonymous_user_id),
  KEY student_anonymoususerid_user_id (user_id),
  KEY student_anonymoususerid_course_id (course_id)
);

CREATE TABLE user_api_usercoursetag (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `key` varchar(255) NOT NULL,
  course_id varchar(255) NOT NULL,
  value longtext NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY user_api_usercoursetag_user_id_course_id_key (user_id, course_id, `key`),
  KEY user_api_usercoursetag_key (`key`),
  KEY user_api_usercoursetag_course_id (course_id)
);

CREATE TABLE student_courseenrollment (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  course_id varchar(255) NOT NULL,
  created datetime(6) DEFAULT NULL,
  is_active tinyint(1) NOT NULL,
  mode varchar(100) NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY student_courseenrollment_user_id_course_id (user_id, course_id),
  KEY student_courseenrollment_course_id (course_id),
  KEY student_courseenrollment_created (created),
  KEY student_courseenrollment_user_created (user_id, created)
);

CREATE TABLE student_courseenrollment_history (
  id int NOT NULL,
  created datetime(6) DEFAULT NULL,
  is_active tinyint(1) NOT NULL,
  mode varchar(100) NOT NULL,
  history_id char(32) NOT NULL PRIMARY KEY,
  history_date datetime(6) NOT NULL,
  history_change_reason varchar(100) DEFAULT NULL,
  history_type varchar(1) NOT NULL,
  course_id varchar(255) DEFAULT NULL,
  history_user_id int DEFAULT NULL,
  user_id int DEFAULT NULL,
  KEY student_courseenrollment_history_id (id),
  KEY student_courseenrollment_history_created (created),
  KEY student_courseenrollment_history_course_id (course_id),
  KEY student_courseenrollment_history_history_user_id (history_user_id),
  KEY student_courseenrollment_history_user_id (user_id)
);

CREATE TABLE student_courseaccessrole (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  org varchar(64) NOT NULL,
  course_id varchar(255) NOT NULL,
  role varchar(64) NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY student_courseaccessrole_user_id_org_course_id_role (user_id, org, course_id, role),
  KEY student_courseaccessrole_org (org),
  KEY student_courseaccessrole_course_id (course_id),
  KEY student_courseaccessrole_role (role)
);

CREATE TABLE course_groups_courseusergroup (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(255) NOT NULL,
  course_id varchar(255) NOT NULL,
  group_type varchar(20) NOT NULL,
  UNIQUE KEY course_groups_courseusergroup_name_course_id (name, course_id),
  KEY course_groups_courseusergroup_course_id (course_id)
);

CREATE TABLE course_groups_courseusergroup_users (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  courseusergroup_id int NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY course_groups_courseusergroup_users_group_user (courseusergroup_id, user_id),
  KEY course_groups_courseusergroup_users_user_id (user_id)
);

CREATE TABLE course_groups_cohortmembership (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  course_id varchar(255) NOT NULL,
  course_user_group_id int NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY course_groups_cohortmembership_user_id_course_id (user_id, course_id),
  KEY course_groups_cohortmembership_course_user_group_id (course_user_group_id)
);

CREATE TABLE course_groups_coursecohort (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  assignment_type varchar(20) NOT NULL,
  course_user_group_id int NOT NULL,
  UNIQUE KEY course_user_group_id (course_user_group_id)
);

CREATE TABLE course_groups_coursecohortssettings (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  is_cohorted tinyint(1) NOT NULL,
  course_id varchar(255) NOT NULL,
  cohorted_discussions longtext,
  always_cohort_inline_discussions tinyint(1) NOT NULL,
  UNIQUE KEY course_id (course_id)
);

CREATE TABLE course_groups_courseusergrouppartitiongroup (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  partition_id int NOT NULL,
  group_id int NOT NULL,
  created_at datetime(6) NOT NULL,
  updated_at datetime(6) NOT NULL,
  course_user_group_id int NOT NULL,
  UNIQUE KEY course_user_group_id (course_user_group_id)
);

CREATE TABLE courseware_studentmodule (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  module_type varchar(32) NOT NULL,
  module_id varchar(255) NOT NULL,
  student_id int NOT NULL,
  course_id varchar(255) NOT NULL,
  state longtext,
  grade double DEFAULT NULL,
  max_grade double DEFAULT NULL,
  done varchar(8) NOT NULL,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  UNIQUE KEY courseware_studentmodule_student_module_course (student_id, module_id, course_id),
  KEY courseware_studentmodule_module_type (module_type),
  KEY courseware_studentmodule_student_id (student_id),
  KEY courseware_studentmodule_course_id (course_id),
  KEY courseware_studentmodule_grade (grade),
  KEY courseware_studentmodule_created (created),
  KEY courseware_studentmodule_modified (modified),
  KEY courseware_stats (module_id, grade, student_id)
);

CREATE TABLE courseware_studentmodulehistory (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  version varchar(255) DEFAULT NULL,
  created datetime(6) NOT NULL,
  state longtext,
  grade double DEFAULT NULL,
  max_grade double DEFAULT NULL,
  student_module_id bigint unsigned NOT NULL,
  KEY courseware_studentmodulehistory_version (version),
  KEY courseware_studentmodulehistory_created (created),
  KEY courseware_studentmodulehistory_student_module_id (student_module_id)
);

CREATE TABLE completion_blockcompletion (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  course_key varchar(255) NOT NULL,
  block_key varchar(255) NOT NULL,
  block_type varchar(64) NOT NULL,
  completion double NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY completion_blockcompletion_course_block_user (course_key, block_key, user_id),
  KEY completion_blockcompletion_course_type_user (course_key, block_type, user_id),
  KEY completion_blockcompletion_user_course_modified (user_id, course_key, modified)
);

CREATE TABLE grades_visibleblocks (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  blocks_json longtext NOT NULL,
  hashed varchar(100) NOT NULL,
  course_id varchar(255) NOT NULL,
  UNIQUE KEY hashed (hashed),
  KEY grades_visibleblocks_course_id (course_id)
);

CREATE TABLE grades_persistentsubsectiongrade (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  user_id int NOT NULL,
  course_id varchar(255) NOT NULL,
  usage_key varchar(255) NOT NULL,
  subtree_edited_timestamp datetime(6) DEFAULT NULL,
  course_version varchar(255) NOT NULL,
  earned_all double NOT NULL,
  possible_all double NOT NULL,
  earned_graded double NOT NULL,
  possible_graded double NOT NULL,
  first_attempted datetime(6) DEFAULT NULL,
  visible_blocks_hash varchar(100) NOT NULL,
  UNIQUE KEY grades_persistentsubsectiongrade_course_user_usage (course_id, user_id, usage_key),
  KEY grades_persistentsubsectiongrade_visible_blocks_hash (visible_blocks_hash),
  KEY grades_persistentsubsectiongrade_modified (modified, course_id, usage_key),
  KEY grades_persistentsubsectiongrade_first (first_attempted, course_id, user_id)
);

CREATE TABLE grades_persistentsubsectiongradeoverride (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  earned_all_override double DEFAULT NULL,
  possible_all_override double DEFAULT NULL,
  earned_graded_override double DEFAULT NULL,
  possible_graded_override double DEFAULT NULL,
  `system` varchar(100) DEFAULT NULL,
  override_reason varchar(300) DEFAULT NULL,
  grade_id bigint unsigned NOT NULL,
  UNIQUE KEY grade_id (grade_id),
  KEY grades_persistentsubsectiongradeoverride_created (created),
  KEY grades_persistentsubsectiongradeoverride_modified (modified)
);

CREATE TABLE grades_persistentcoursegrade (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  user_id int NOT NULL,
  course_id varchar(255) NOT NULL,
  course_edited_timestamp datetime(6) DEFAULT NULL,
  course_version varchar(255) NOT NULL,
  grading_policy_hash varchar(255) NOT NULL,
  percent_grade double NOT NULL,
  letter_grade varchar(255) NOT NULL,
  passed_timestamp datetime(6) DEFAULT NULL,
  UNIQUE KEY grades_persistentcoursegrade_course_user (course_id, user_id),
  KEY grades_persistentcoursegrade_user_id (user_id),
  KEY grades_persistentcoursegrade_passed (passed_timestamp, course_id),
  KEY grades_persistentcoursegrade_modified (modified, course_id)
);

CREATE TABLE certificates_generatedcertificate (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  course_id varchar(255) NOT NULL,
  verify_uuid varchar(32) NOT NULL,
  download_uuid varchar(32) NOT NULL,
  download_url varchar(128) NOT NULL,
  grade varchar(5) NOT NULL,
  `key` varchar(32) NOT NULL,
  distinction tinyint(1) NOT NULL,
  status varchar(32) NOT NULL,
  mode varchar(32) NOT NULL,
  name varchar(255) NOT NULL,
  created_date datetime(6) NOT NULL,
  modified_date datetime(6) NOT NULL,
  error_reason varchar(512) NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY certificates_generatedcertificate_user_id_course_id (user_id, course_id),
  KEY certificates_generatedcertificate_verify_uuid (verify_uuid)
);

CREATE TABLE course_overviews_courseoverview (
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  version int NOT NULL,
  id varchar(255) NOT NULL PRIMARY KEY,
  _location varchar(255) NOT NULL,
  org longtext NOT NULL,
  display_name longtext,
  display_number_with_default longtext NOT NULL,
  display_org_with_default longtext NOT NULL,
  start datetime(6) DEFAULT NULL,
  end datetime(6) DEFAULT NULL,
  advertised_start longtext,
  lowest_passing_grade decimal(5,2) DEFAULT NULL,
  mobile_available tinyint(1) NOT NULL,
  visible_to_staff_only tinyint(1) NOT NULL,
  enrollment_start datetime(6) DEFAULT NULL,
  enrollment_end datetime(6) DEFAULT NULL,
  invitation_only tinyint(1) NOT NULL,
  self_paced tinyint(1) NOT NULL,
  language longtext,
  effort longtext,
  certificate_available_date datetime(6) DEFAULT NULL,
  catalog_visibility longtext
);

CREATE TABLE split_modulestore_django_splitmodulestorecourseindex (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  objectid char(24) NOT NULL,
  course_id varchar(255) NOT NULL,
  org varchar(255) NOT NULL,
  draft_version varchar(24) NOT NULL,
  published_version varchar(24) NOT NULL,
  library_version varchar(24) NOT NULL,
  wiki_slug varchar(255) NOT NULL,
  base_store varchar(20) NOT NULL,
  edited_on datetime(6) NOT NULL,
  last_update datetime(6) NOT NULL,
  edited_by_id int DEFAULT NULL,
  UNIQUE KEY objectid (objectid),
  UNIQUE KEY course_id (course_id),
  KEY split_modulestore_django_courseindex_org (org),
  KEY split_modulestore_django_courseindex_wiki_slug (wiki_slug)
);

CREATE TABLE edxval_video (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  edx_video_id varchar(100) NOT NULL,
  client_video_id varchar(255) NOT NULL,
  duration double NOT NULL,
  status varchar(255) NOT NULL,
  UNIQUE KEY edx_video_id (edx_video_id),
  KEY edxval_video_client_video_id (client_video_id),
  KEY edxval_video_status (status)
);

CREATE TABLE edxval_coursevideo (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  course_id varchar(255) NOT NULL,
  is_hidden tinyint(1) NOT NULL,
  video_id int NOT NULL,
  UNIQUE KEY edxval_coursevideo_course_id_video_id (course_id, video_id),
  KEY edxval_coursevideo_video_id (video_id)
);

CREATE TABLE edx_when_datepolicy (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  abs_date datetime(6) DEFAULT NULL,
  rel_date bigint DEFAULT NULL,
  KEY edx_when_datepolicy_abs_date (abs_date),
  KEY edx_when_datepolicy_rel_date (rel_date)
);

CREATE TABLE edx_when_contentdate (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  course_id varchar(255) NOT NULL,
  location varchar(255) DEFAULT NULL,
  field varchar(255) NOT NULL,
  active tinyint(1) NOT NULL,
  block_type varchar(255) DEFAULT NULL,
  policy_id int NOT NULL,
  UNIQUE KEY edx_when_contentdate_policy_id_location_field (policy_id, location, field),
  KEY edx_when_contentdate_course_id (course_id),
  KEY edx_when_contentdate_location (location),
  KEY edx_when_contentdate_active (active)
);

CREATE TABLE edx_when_userdate (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created datetime(6) NOT NULL,
  modified datetime(6) NOT NULL,
  abs_date datetime(6) DEFAULT NULL,
  rel_date bigint DEFAULT NULL,
  reason longtext NOT NULL,
  actor_id int DEFAULT NULL,
  content_date_id int NOT NULL,
  user_id int NOT NULL,
  KEY edx_when_userdate_rel_date (rel_date),
  KEY edx_when_userdate_content_date_id (content_date_id),
  KEY edx_when_userdate_user_id (user_id)
);

CREATE TABLE django_content_type (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  app_label varchar(100) NOT NULL,
  model varchar(100) NOT NULL,
  UNIQUE KEY django_content_type_app_label_model (app_label, model)
);

CREATE TABLE forum_commentthread (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  author_username varchar(255) DEFAULT NULL,
  course_id varchar(255) NOT NULL,
  body longtext NOT NULL,
  visible tinyint(1) NOT NULL,
  endorsed tinyint(1) NOT NULL,
  anonymous tinyint(1) NOT NULL,
  anonymous_to_peers tinyint(1) NOT NULL,
  group_id int unsigned DEFAULT NULL,
  created_at datetime(6) NOT NULL,
  updated_at datetime(6) NOT NULL,
  title varchar(1024) NOT NULL,
  thread_type varchar(50) NOT NULL,
  context varchar(50) NOT NULL,
  closed tinyint(1) NOT NULL,
  pinned tinyint(1) DEFAULT NULL,
  last_activity_at datetime(6) DEFAULT NULL,
  commentable_id varchar(255) DEFAULT NULL,
  author_id int NOT NULL,
  KEY forum_commentthread_context (context),
  KEY forum_commentthread_author_course (author_id, course_id),
  KEY forum_commentthread_course_anonymous (course_id, anonymous, anonymous_to_peers)
);

CREATE TABLE forum_comment (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  author_username varchar(255) DEFAULT NULL,
  course_id varchar(255) NOT NULL,
  body longtext NOT NULL,
  visible tinyint(1) NOT NULL,
  endorsed tinyint(1) NOT NULL,
  anonymous tinyint(1) NOT NULL,
  anonymous_to_peers tinyint(1) NOT NULL,
  group_id int unsigned DEFAULT NULL,
  created_at datetime(6) NOT NULL,
  updated_at datetime(6) NOT NULL,
  endorsement longtext NOT NULL,
  sort_key varchar(255) DEFAULT NULL,
  child_count int unsigned NOT NULL,
  depth int unsigned NOT NULL,
  author_id int NOT NULL,
  comment_thread_id bigint NOT NULL,
  parent_id bigint DEFAULT NULL,
  KEY forum_comment_author_course (author_id, course_id),
  KEY forum_comment_thread_author_created (comment_thread_id, author_id, created_at),
  KEY forum_comment_parent (parent_id),
  KEY forum_comment_course_parent_endorsed (course_id, parent_id, endorsed),
  KEY forum_comment_course_anonymous (course_id, anonymous, anonymous_to_peers)
);

CREATE TABLE forum_uservote (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  content_object_id int unsigned NOT NULL,
  vote int NOT NULL,
  content_type_id int NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY forum_uservote_user_content (user_id, content_type_id, content_object_id),
  KEY forum_uservote_vote (vote),
  KEY forum_uservote_content (content_type_id, content_object_id)
);

CREATE TABLE forum_mongocontent (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  content_object_id int unsigned DEFAULT NULL,
  mongo_id varchar(50) NOT NULL,
  content_type_id int DEFAULT NULL,
  UNIQUE KEY mongo_id (mongo_id),
  KEY forum_mongocontent_content_type_id (content_type_id)
);

CREATE TABLE track_trackinglog (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  dtcreated datetime(6) NOT NULL,
  username varchar(32) NOT NULL,
  ip varchar(32) NOT NULL,
  event_source varchar(32) NOT NULL,
  event_type varchar(512) NOT NULL,
  event longtext NOT NULL,
  agent varchar(256) NOT NULL,
  page varchar(512) DEFAULT NULL,
  time datetime(6) NOT NULL,
  host varchar(64) NOT NULL
);

CREATE TABLE teams_courseteam (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  team_id varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  course_id varchar(255) NOT NULL,
  topic_id varchar(255) NOT NULL,
  UNIQUE KEY team_id (team_id),
  KEY teams_courseteam_course_id (course_id),
  KEY teams_courseteam_topic_id (topic_id)
);

CREATE TABLE teams_courseteammembership (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  date_joined datetime(6) NOT NULL,
  last_activity_at datetime(6) NOT NULL,
  team_id int NOT NULL,
  user_id int NOT NULL,
  UNIQUE KEY teams_courseteammembership_user_id_team_id (user_id, team_id)
);
