// The console's texts in English. A text with plurals is an object by the categories of Intl.PluralRules, chosen by {count}.
// Another language is another file like this one, with the same names.

const frame = {
  title: "{screen} – console – pledges", campaign: "Campaign", screens: "Screens", signed_in_as: "{login}, {role}", sign_in: "Sign in", sign_out: "Sign out",
  session_ended: "Your session has ended. Sign in again to go on.", signed_out: "You have signed out in another window.",
  search: "Search", queue: "Review queue", menu_at: "Screens: {screen}", screens_now: "Pledges", screens_general: "You and the service", removals: "Removals", totals: "Exact counts", rules: "Rules", switches: "Switches", partners: "Partners", settings: "Settings", log: "Log",
  whole_log: "Log of everything", account: "My account", accounts: "Accounts", keys: "Keys",
  close: "Close", cancel: "Cancel", save: "Save", change: "Change", copy: "Copy", copied: "Copied", copy_failed: "Your browser doesn’t let us. Select the text and copy it.",
  more: "Show more", nothing: "Nothing here.", none: "There are none.", choose: "Choose…", any: "Any", or: " or ", yes: "Yes", no: "No", on: "On", off: "Off", acts: "Do", act_on: "{act}: {on}", details: "Details", details_of: " of {name}",
  moment: "{moment} UTC", country: "{name} ({code})", country_unsaid: "Not said (ZZ)", country_label: "Country", time: "Time", state: "State", by: "By", why: "Why", since: "Since", until: "Until",
  note: "Note", note_hint: "Required. Goes on record under your name. Write no names or addresses of supporters here.", by_nobody: "The operator or the service", by_operator: "The operator", by_service: "The service",
  announcements: "Who can open records has changed", announcements_told: "In the last thirty days. If you know nothing of one of these, ask who did it.", announcements_read: "I have read this",
  announced: "{what} {campaign}: {who}, {moment}",
};

const account = {
  login: "Login", login_hint: "Small letters, digits and single . _ -", password: "Password", password_old: "Password so far", password_new: "New password", password_again: "New password once more",
  password_hint: "Fifteen characters or more, of any kind. A few words that nobody would guess do well.", password_change: "Change the password", password_changed: "The password is changed. Other sessions have ended.",
  code: "Code", code_hint: "What your program shows, or a recovery code.", code_optional: "Code (optional)", role: "Role", role_hint: "Each role may do all that the one before it may.",
  role_moderator: "Moderator", role_organiser: "Organiser", role_admin: "Admin", campaigns: "Campaigns", campaigns_all: "All", organises: "Organiser of", organises_hint: "Those of them where a moderator is an organiser.", organises_it: "{campaign} (organiser)", campaigns_hint: "Their names as in addresses, with blanks between. Admins see all.",
  totp: "Second factor", totp_how: "Let a program that shows codes scan this, or type the secret into it. It is shown this once.", totp_picture: "QR code of the secret that stands below", totp_open: "Open in such a program on this device",
  totp_confirm: "Confirm", totp_confirm_hint: "Six digits that the program shows now.", totp_begin: "Set up a second factor", totp_renew: "Set it up anew", totp_remove: "Take it off",
  totp_remove_told: "Signing in takes only the password then. The recovery codes go too, and your other sessions end.", totp_since: "Since", totp_needed: "Your account needs a second factor before you can go on.",
  totp_missing: "With one, a stolen password alone opens nothing.", recovery: "Recovery codes", recovery_keep: "Keep these where you find them when your program is lost. They are shown this once, and each signs in once.",
  recovery_kept: "I have kept them", recovery_new: "New recovery codes", recovery_left: "Recovery codes left", sessions: "Sessions", session_this: "this one", session_end: "End", sessions_end_others: "End all others",
  sessions_end_all: "End all", program: "Program", opened_at: "Opened", used_at: "Last used", expires_at: "Ends", agent_chrome: "Chrome", agent_edge: "Edge", agent_firefox: "Firefox", agent_safari: "Safari", agent_other: "Another program",
  letters: "Single letters do something (j, k, x …). Turn this off if a voice or a reader of screens presses them by accident.",
  step_up: "Prove again who you are", step_up_told: "What you are about to do could do lasting harm if somebody else sat here. It is good for ten minutes.", step_up_way: "With", step_up_now: "Prove and go on",
  invitation: "Your account", invitation_reset: "Set up your account anew", invitation_for: "For {login}, {role}. The link is good until {ends}.", invitation_accept: "Make the account",
  invitation_void: "This link is not good any more. Ask for another.", invite: "Invite somebody", invitations: "Invitations", invitation_resets: "new password", invitation_open: "Open", invitation_accepted: "Accepted", invitation_revoked: "Revoked",
  invitation_expired: "Expired", revoke: "Revoke", link: "One-time link", link_told: "Good once, for 72 hours. Give it to whom it is for where only they read: whoever opens it first has the account. It is shown this once.",
  account_close: "Closed: its sessions end at once, and it can’t sign in", account_closed: "closed", account_reset: "Reset", account_reset_told: "Password, second factor, recovery codes and sessions are void at once. You get a link for its owner.",
  removed_today: "Removed today", removals_per_day: "Removals a day", removals_per_day_hint: "How many pledges it may remove and accept in a day (UTC). Empty: as many as usual.",
};

const search = {
  search_pledges: "Search pledges", filter_state: "State", filter_country: "Country", filter_country_hint: "Two letters, such as KE; ZZ for not said.", filter_from: "From (UTC)", filter_to: "Before (UTC)",
  filter_score_from: "Points from", filter_domain: "Mailbox domain", filter_domain_hint: "Exactly this one. It never stands in the address of this page.", filter_language: "Language", filter_language_hint: "Such as en or pt-BR.",
  filter_name: "Exact name", filter_name_hint: "However it is written. That a name was looked for goes on record, without the name.", filter_text: "On the public wall with the words", filter_text_hint: "All of these, in the name or message shown: whole words, in any case. At most 20, or some 20 letters in languages without spaces.", filter_partner: "Partner", filter_partner_hint: "Its id.", filter_source_tag: "Tag of the source",
  filter_domain_tag: "Tag of the domain", filter_shape_tag: "Tag of the shape", filter_name_tag: "Tag of the name", filter_tag_hint: "Sixteen characters, as in the details of a pledge.", filter_removal: "Removal", filter_signals: "Signals", filter_signals_hint: "With any of those that are ticked.",
  filters: "Filters", filter_more: "More filters", filter_clear: "Clear", filter_is: "{filter}: {value}",
  state_counted: "counted", state_held: "held", state_awaiting: "awaiting", state_removed: "removed", state_withdrawn: "withdrawn",
  found: { one: "{count} pledge", other: "{count} pledges" }, found_about: "About {count} pledges", found_least: "{count} pledges or more", found_none: "No pledge is like this.", found_pledges: "Pledges that were found",
  lag: { one: "What came or changed in the last second may be missing. Look again in a moment.", other: "What came or changed in the last {count} seconds may be missing. Look again in a moment." },
  held_ends_count: { one: "{count} held pledge will be counted unless somebody decides before, from {moment} on.", other: "{count} held pledges will be counted unless somebody decides before, from {moment} on." },
  held_ends_remove: { one: "{count} held pledge will be removed unless somebody decides before, from {moment} on.", other: "{count} held pledges will be removed unless somebody decides before, from {moment} on." },
  name: "Name", name_none: "No name", name_gone: "Gone", email: "E-mail", score: "Points", score_told: "{count}, what its signals add up to. Settings tell from how many on it is held.", signals: "Signals", message: "Message", id: "Id", counted_at: "Counted", language: "Language", partner: "Partner", partner_ours: "Our own page", page_source: "Came from",
  consents: "Agreed to", consent_updates: "news of the organiser", consent_partner: "news of the partner", consent_public: "being shown", removal: "Removal",
  same_source_tag: "Same source", same_domain_tag: "Same mailbox domain", same_shape_tag: "Same shape of name and mailbox", same_name_tag: "Same name", same_partner: "Same partner", same_country: "Same country", same_removal: "Same removal",
  tick_row: "{name}, {country}, {state}", tick_page: "All on this page", first_page: "First page", next_page: "Next page", bulk: "With the ticked pledges", selected: "{count} ticked",
  selected_none: "None ticked", selected_row: "The marked row", selection_clear: "Untick all", selection_full: "No more than {count} can be ticked. To remove more, preview all that fit the search.",
  look_up: "Find by e-mail address", look_up_email: "Whole address", look_up_hint: "It is asked for once and not kept; that you asked is on record, not for whom.", look_up_now: "Look up", look_up_none: "There is none.",
};

const clusters = {
  clusters: "What stands out", clusters_told: "Groups of the last day’s pledges that look less like people than others: the higher a number, up to 1,000, the less. Look at some of a group before you remove it.",
  clusters_as_of: { one: "As of {moment}: {count} pledge of the last day was compared.", other: "As of {moment}: {count} pledges of the last day were compared." }, clusters_never: "Nothing was compared yet, or the campaign isn’t open.", clusters_none: "Nothing stands out.", clusters_overlap: "Groups overlap. Begin with the first, then look again: what it took disappears from the others.", cluster_gone: "Removed just now. The numbers are from before, until the next look.", clusters_before: "Some were removed since. The numbers are from before, until the next look.",
  clusters_newer: "There is a newer look, of {moment}. Show it", clusters_stand: { one: "{count} group of pledges stands out.", other: "{count} groups of pledges stand out." }, clusters_see: "Look at them",
  burst_since: "Nearly all came since {from}: the preview is of those.", burst_between: "Nearly all came between {from} and {to}: the preview is of those.", order: "Sort by", order_weight: "Most of a wave", order_score: "Least like people", last_likely: "Last like a wave’s", cluster_score: "Stands out by {score} of 1,000", preview_removal: "Preview removal", confirmed_share: "Confirmed by mail", likely_share: "Look like a wave’s", share_of: "{share} of {count}", minutes: "{from} to {to}",
  trend_told: "By hour over the last day: {most} in the busiest hour, {last} in the last one.", trend_from: "24 hours ago", trend_to: "now",
  common_source_tag: "Source", common_domain_tag: "Domain of the mailbox", common_name_tag: "Name", common_shape_tag: "Shape of name and mailbox", common_country: "Country", common_partner: "Partner", common_signal: "Signal", common_minute: "Minutes",
  why_many_from_country: "More pledges than its people explain: {count} from {usual} people.", why_many_from_country_alone: "More pledges than its people explain: {count}.", why_wave: "{count} look more like a wave’s than like people’s; usual would be {usual}.", why_wave_alone: "{count} look more like a wave’s than like people’s, all signs together.",
  why_more_than_usual: "{count} in the last hour; usual would be {usual}.", why_more_than_usual_alone: "{count} in the last hour, far more than before.", why_unconfirmed: "{count} have confirmed by mail; as many as of the others would be {usual}.", why_unconfirmed_alone: "Only {count} have confirmed by mail.",
};

const queue = {
  queue_rows: "One by one", queue_sample: "Sample", queue_clusters: "In groups", queue_sampling: "Wrong signals",
  queue_held: { one: "{count} pledge is held", other: "{count} pledges are held" }, queue_only: "Only those with {what}: {value}.", queue_all: "Show all",
  queue_sample_told: "One in eight, by chance. Whoever judges all of these, one by one, lets the signals be measured.", queue_clusters_none: "Held pledges have nothing in common.",
  queue_clusters_told: { one: "{count} held pledge was looked at. A pledge can be in several groups.", other: "Of the {count} newest held pledges. A pledge can be in several groups." }, accept_all: "Accept all", accept_progress: "{done} accepted, {left} to go",
  again: "Do the same with the next ones without asking", quick_accept: "Accept doesn’t ask: “{note}”.", quick_remove: "Remove doesn’t ask: “{note}”.", quick_stop: "Ask again",
  newer: { one: "{count} new pledge. Show it", other: "{count} new pledges. Show them" }, newer_many: "{count} new pledges or more. Show them", week: "Stored in", weeks_all: "The last twelve weeks", week_of: "The week of {day}",
  sampling_told: "What people decided of the sample, one by one. The share is only good where it is judged whole: look at what still waits, and at what was accepted or removed unseen, by a search or a rule.", sampling_none: "Nothing of the sample was held yet.",
  sampled_signal: "Signal", sampled_wrong: "Wrong: held, but honest", sampled_accepted: "Accepted", sampled_accepted_unseen: "Accepted unseen", sampled_removed: "Removed", sampled_removed_unseen: "Removed unseen", sampled_undecided: "Not decided in time", sampled_waiting: "Waiting", sampled_all: "All of the sample", sampled_none: "None judged",
};

const wall = {
  wall: "Wall", wall_waiting: "Waiting", wall_shown: "Shown", wall_reported: "Reported", wall_declined: "Declined", wall_hidden: "Hidden", wall_off: "The wall of this campaign is off: nothing of this is shown to anybody.",
  wall_told_waiting: "They agreed to be shown, and their mailbox is confirmed. Names stand here in full: each reading is on record, and counts against those that you may read in a day.",
  wall_told_shown: "What anybody can read. What you hide is gone from there within a second.", wall_told_reported: "What readers have reported, with what they chose as a reason.", wall_told_declined: "Not put on the wall. The pledges count as before.", wall_told_hidden: "Taken off the wall. The pledges count as before.",
  wall_none_waiting: "Nobody waits.", wall_none_shown: "Nothing is shown.", wall_none_reported: "Nothing is reported.", wall_none_declined: "Nothing was declined.", wall_none_hidden: "Nothing was hidden.",
  wall_again_title: { one: "Put it onto the wall all the same?", other: "Put {count} onto the wall all the same?" }, wall_again_told: "It was decided otherwise before. To read it first, search for it and reveal it.", wall_read: { one: "Read the next one", other: "Read the next {count}" }, wall_marks: "Noted", wall_link: "has a link", wall_reports: { one: "reported once", other: "reported {count} times" }, wall_text_gone: "Not shown", wall_act_approve: "Put on the wall", wall_act_decline: "Decline", wall_act_hide: "Hide", wall_act_dismiss: "Settle the reports",
  wall_decline_title: { one: "Decline {count} entry", other: "Decline {count} entries" }, wall_decline_told: "They are not shown. The pledges go on counting.", wall_hide_title: { one: "Hide {count} entry", other: "Hide {count} entries" }, wall_hide_told: "They are gone from the wall within a second. The pledges go on counting.",
  wall_reason_abuse: "Abuse", wall_reason_spam: "Spam", wall_reason_private: "Private matters", wall_reason_other: "Other",
  wall_done_approve: { one: "{count} entry is on the wall.", other: "{count} entries are on the wall." }, wall_done_decline: { one: "{count} entry is declined.", other: "{count} entries are declined." }, wall_done_hide: { one: "{count} entry is hidden.", other: "{count} entries are hidden." }, wall_done_dismiss: { one: "{count} entry stays, its reports settled.", other: "{count} entries stay, their reports settled." },
};

const acts = {
  remove: "Remove", accept: "Accept", reveal: "Reveal", preview: "Preview of a removal", preview_all: "Preview removing all that fit", reason: "Reason", reason_spam: "Spam", reason_bot: "Bots", reason_duplicate: "Duplicates", reason_abuse: "Abuse",
  reason_test: "Tests", reason_other: "Other", ask_remove: { one: "Remove {count} pledge", other: "Remove {count} pledges" }, remove_told: "They leave the totals at once. Undo puts back exactly these, onto a wall only by a new approval.",
  remove_all: "Remove all of these", removed: { one: "{count} pledge was removed.", other: "{count} pledges were removed." },
  removing: { one: "{count} pledge is being removed.", other: "{count} pledges are being removed." }, removed_skipped: { one: "{count} was removed before or isn’t there.", other: "{count} were removed before or aren’t there." },
  removed_more: "That is {count} more than the preview showed.", removed_fewer: "That is {count} fewer than the preview showed.",
  undo: "Undo", undo_later: "Undo it later under Removals", undo_removal: "Undo a removal", undo_removal_told: "What it took out goes back exactly as it was, onto a wall only by a new approval. What others removed stays out.", undo_acceptance: "Undo an acceptance", undo_acceptance_told: "What it let count and still counts is held again, and off the wall.", undo_left: "{left} to go", undo_note: "Why it was undone", undo_note_quick: "Undone in the console without a note",
  undo_nothing: "There is nothing of yours since you signed in. What is older is under Removals.", undo_sure_removal: { one: "Put back {count} pledge removed from {campaign} at {moment}?", other: "Put back {count} pledges removed from {campaign} at {moment}?" }, undo_sure_acceptance: { one: "Hold {count} pledge again, accepted in {campaign} at {moment}?", other: "Hold {count} pledges again, accepted in {campaign} at {moment}?" }, undone: { one: "{count} pledge is back.", other: "{count} pledges are back." }, held_again: { one: "{count} pledge is held again.", other: "{count} pledges are held again." }, undoing: { one: "{count} pledge is being put back.", other: "{count} pledges are being put back." },
  undone_by: "Undone by", undone_at: "Undone", undone_held: "Held again", preview_count: { one: "{count} pledge would be removed", other: "{count} pledges would be removed" }, preview_public: { one: "{count} of them counts in the public total now.", other: "{count} of them count in the public total now." }, preview_public_none: "None of them is in the public total now.",
  preview_changed: { one: "What fits the search has changed: {count} fits now; {before} when you looked. Look again and decide again.", other: "What fits the search has changed: {count} fit now; {before} when you looked. Look again and decide again." }, by_country: "By country", by_partner: "By partner", by_hour: "By hour", sample: "Some of them, by chance", pledges: "Pledges",
  ask_accept: { one: "Accept {count} pledge", other: "Accept {count} pledges" }, accept_told: "Those that are held count from now on, and are held again only by an undo. Others stay as they are.",
  accepted: { one: "{count} pledge counts now.", other: "{count} pledges count now." }, reveal_title: { one: "Reveal {count} pledge", other: "Reveal {count} pledges" },
  reveal_told: "You will see names and messages in full, and no more of an address than its first letter and domain. That you looked, at which and why is on record.", reveal_why: "Why do you need to see them?", revealed: "In full",
  reveal_gone: "Of {count} nothing is kept any more.",
  removal_of: "Removal of {moment}", acceptance_of: "Acceptance of {moment}", removal_running: "running", removal_paused: "paused", removal_cancelled: "cancelled", removal_done: "done", removal_undoing: "being undone", removal_undone: "undone", removal_act_pause: "Pause", removal_act_resume: "Resume",
  removal_act_cancel: "Cancel the removal", show_pledges: "Show its pledges", progress: "{done} of {of}", expected: "Found when it began", paused_because: "Paused because", paused_moderator: "somebody paused it",
  paused_quota: "whoever removes has removed as many today as they may", paused_account: "the account of whoever removes is closed or has lost the campaign",
};

const signals = {
  signal_link_in_name: "link in name", signal_honeypot: "hidden field filled in", signal_gibberish_name: "gibberish name", signal_too_fast: "too fast", signal_many_from_country: "many from country", signal_mixed_scripts: "mixed scripts",
  signal_disposable_mailbox: "disposable mailbox", signal_link_in_message: "link in message", signal_flooding_source: "flooding source", signal_name_is_mailbox: "name is mailbox", signal_no_proof: "no proof", signal_busy_source: "busy source",
  signal_name_repeats_itself: "name repeats itself", signal_switch: "switch", signal_unreviewed: "not reviewed in time", signal_under_20_seconds: "under 20 seconds", signal_under_40_seconds: "under 40 seconds", signal_over_80_seconds: "over 80 seconds",
  signal_with_message: "with message", signal_wave_shape: "wave: shape", signal_wave_pace: "wave: pace", signal_wave_name: "wave: name", signal_wave_unconfirmed: "wave: unconfirmed", signal_wave_source: "wave: source", signal_wave_domain: "wave: domain",
  signal_wave_country: "wave: country", signal_wave_time: "wave: time", signal_wave_partner: "wave: partner", signal_allowed: "allowed", signal_blocked: "blocked", signal_accepted: "accepted",
};

const campaign = {
  totals_told: "Exact and for your eyes only: what is published of small countries is rounded.", totals_all: "All countries", total: "Counted", confirmed: "Confirmed by mail", goal: "Goal", as_of: "Published as of", slug: "Name in addresses", campaign_draft: "being prepared", campaign_open: "open", campaign_closed: "closed",
  languages: "Languages", confirmation: "Confirmation", confirmation_email: "by mail: a pledge counts once its mailbox has confirmed", confirmation_none: "none: a pledge counts at once", proof: "Proof of work", proof_off: "off", proof_on: "on", proof_adaptive: "adaptive",
  hold_at: "Points to be held", review_days: "Days to decide on it", held_default: "If nobody does", held_default_count: "it counts", held_default_remove: "it is removed", threshold: "Small countries in steps of", publish_partners: "Partners’ counts are published", fields: "Fields", ask_required: "required", ask_optional: "optional", ask_off: "off",
  settings_told: "Organisers change some of them here, the operator the others. What a switch changes meanwhile shows under Switches.", settings_change: "Change settings", settings_saved: "Saved, and in force within two seconds.",
  hold_at_hint: "Fewer points hold more: of what comes, of what waits for its mailbox once that confirms, and of the last day’s that a wave raises. What is held stays held.",
  settings_same: "Nothing was changed: it is so already.", goal_hint: "0: none is shown.", proof_hint: "Once it is on, programs of partners that solve no challenge are refused.",
  publish_title: "Publish partners’ names and counts?", publish_told: "Everybody sees them at once, and what was seen can’t be taken back. Have you asked the partners?", publish_now: "Publish them",
  recipients: "Who can open the records", recipients_told: "Keys that the list of supporters is sealed for. Ask about any that you don’t know.", label: "Whose", public_key: "Public key", added_at: "Added", checked_at: "Proved to open", checked_never: "Never", removed_at: "Taken off",
  switch: "Switch", switch_on: "Switch on", switch_off: "Switch off", switched_on: "On: {switch}", hours: "Hours", switch_hold_all: "Hold everything", switch_require_mail: "Require mail", switch_raise_proof: "Raise the proof", switch_pause_partner: "Pause a partner",
  switch_told_hold_all: "Every pledge that comes is held. Supporters notice nothing; the total stands still.", switch_told_require_mail: "New pledges count only once their mailbox has confirmed.", switch_told_raise_proof: "Challenges cost four times as much: a short wait on phones.",
  switch_told_pause_partner: "Nothing is taken from the partner’s pages and server.",
  rule: "Rule", rule_add: "Add a block or an allow", rule_kind: "What it does", rule_subject: "What it looks at", rule_value: "Value", rule_unreadable: "Can’t be read any more; not in force", rules_in_force: "In force", rule_end: "End", rule_add_told: "These decide at the door. To hold or remove what a search finds, search for it and choose Make it a rule for new pledges.", kind_block: "block", kind_allow: "allow", kind_hold: "hold", kind_remove: "remove",
  kind_told_hold: "New pledges that fit are held a second or two after they came, until somebody decides.", kind_told_remove: "New pledges that fit are removed a second or two after they came. It counts as your doing; what you may not remove any more today is held.",
  keep: "Make it a rule for new pledges", keep_now: "Make the rule", keep_fits: { one: "{count} pledge that is there already fits. The rule is for those to come.", other: "{count} pledges that are there already fit. The rule is for those to come." },
  keep_days: "Thirty at the most.", keep_today: "Tags of sources change at midnight (UTC): it ends then.", kept: "The rule is in force until {moment}.",
  subject_domain: "domain", subject_source: "source", subject_name: "name", subject_partner: "partner", subject_search: "search", subject_told_domain: "A mailbox domain, with everything under it.", subject_told_source: "The source tag of a pledge of today. It ends with the day (UTC).",
  subject_told_name: "The whole name; * stands for any text. People are called like others.", subject_told_partner: "A partner’s id.", days: "Days", hits: "Hits", last_hit_at: "Last hit",
  partner_add: "Add a partner", partner_name: "Name", partner_disabled: "disabled", partner_disable: "Disable", partner_disable_told: "Nothing is taken from its pages and server any more.", partner_enable: "Enable", partner_enable_told: "Its pages and server may post again.",
  origins: "Origins", origins_hint: "One a line, such as https://www.example.org; https://*.example.org stands for every subdomain.", per_minute: "Pledges a minute from its server", flag_stopped: "stopped", flag_refused: "many refused",
  week_accepted: "Taken in seven days", week_refused: "Refused in seven days", last_at: "Last one", last_never: "None in seven days", paused_until: "Paused until", site_key: "Site key", test_site_key: "Site key for trials", secret_key: "Has a secret key",
  old_secret_key_until: "Old secret key good until", key_new: "New secret key", key_test: "For trials", key_told: "Give it to the partner’s server people where only they read. It is shown this once.", grace_hours: "Hours for which the old key stays good",
  grace_hint: "0: it ends at once. Not for trials: there it always does.", trial_mailbox: "Mailbox for trials", trial_mailbox_hint: "Where mails of trials go once its owner agrees. Empty: nowhere.", trial_mailbox_none: "nobody was named", trial_mailbox_asked: "its owner hasn’t agreed yet", trial_mailbox_agreed: "its owner agreed",
};

const log = {
  entry_by: "Done by", entry_what: "What was done", entry_told: "{who}, {moment}, no. {number}", entries_search: "Search the log", entries_show: "Show", export_these: "Download what is asked for", export_whole: "Download the whole log with its hashes",
  exported: { one: "{count} entry is downloaded.", other: "{count} entries are downloaded." }, exported_cut: "The newest {count} entries are downloaded. For more, ask for less time.", exported_whole: "The whole log is downloaded. Keep it where nobody can change it, as a proof.",
  area_removal: "Removals", area_pledge: "Pledges", area_rule: "Rules", area_held: "Held", area_alert: "Alerts", area_switch: "Switches", area_partner: "Partners", area_session: "Sessions", area_account: "Accounts", area_invitation: "Invitations", area_recipient: "Keys that open records",
  area_campaign: "Campaigns", area_totals: "Totals", area_access: "Refused", area_moderator: "Accounts, at the command line", area_audit: "The log itself", area_wall: "The wall", entries: { one: "{count} entry", other: "{count} entries" },
  log_removal_create: "Removed pledges", log_removal_undo: "Undid a removal", log_removal_undone: "Finished undoing a removal", log_removal_pause: "Paused a removal", log_removal_resume: "Resumed a removal", log_removal_cancel: "Cancelled a removal", log_removal_finish: "Finished a removal",
  log_pledge_accept: "Accepted pledges", log_pledge_accept_undo: "Undid an acceptance", log_rule_remove: "Removed pledges by a rule", log_held_default: "What was held was decided, as nobody had", log_alert_add: "Added an address for alerts", log_alert_remove: "Took off an address for alerts", log_audit_export: "Downloaded the whole log", log_audit_drop: "Dropped old months of the log", log_wall_read: "Read what waits for the wall", log_wall_approve: "Put on the wall", log_wall_decline: "Declined for the wall", log_wall_hide: "Hid from the wall", log_wall_dismiss: "Settled reports",
  log_pledge_hold: "Held pledges", log_pledge_reveal: "Revealed pledges", log_pledge_look_up: "Looked up an address", log_pledge_search_name: "Searched by name", log_rule_add: "Added a rule", log_rule_delete: "Deleted a rule",
  log_switch_on: "Switched on", log_switch_off: "Switched off", log_partner_add: "Added a partner", log_partner_set: "Changed a partner", log_partner_rotate_key: "Made a secret key", log_partner_trial_mailbox: "Named a mailbox for trials", log_partner_trial_mailbox_agreed: "A mailbox for trials agreed",
  log_session_open: "Signed in", log_session_logout: "Signed out", log_session_end: "Ended a session", log_session_step_up: "Proved who they are", log_session_code_refused: "A code was refused", log_session_refresh_token_reused: "A session was used twice, and ended",
  log_account_change: "Changed an account", log_account_password: "Changed the password", log_account_reset: "Reset an account", log_account_totp: "Set up the second factor", log_account_totp_off: "Took the second factor off", log_account_totp_offer: "Began to set up the second factor",
  log_account_recovery_code: "Used a recovery code", log_account_recovery_codes: "Made recovery codes", log_invitation_make: "Invited somebody", log_invitation_accept: "Accepted an invitation", log_invitation_revoke: "Revoked an invitation",
  log_recipient_add: "Added a key that opens records", log_recipient_check: "Proved a key that opens records", log_recipient_remove: "Took off a key that opens records", log_campaign_add: "Added the campaign", log_campaign_set: "Changed the campaign", log_totals_repair: "Repaired the totals",
  log_access_denied: "Was refused", log_moderator_add: "Added an account", log_moderator_disable: "Closed an account", log_moderator_reset_password: "Set a new password",
};

const keys = {
  keys_told: "While you type they are letters. Single letters can be turned off under My account.", key_next: "Next row", key_previous: "Row before", key_tick: "Tick or untick", key_tick_range: "Tick from the last tick to here", key_tick_page: "Tick the page",
  key_clear: "Untick all", key_filter: "To the filters", key_remove: "Remove what is ticked, else the row", key_preview: "Preview removing all that fit", key_accept: "Accept what is held", key_reveal: "Reveal", key_undo: "Undo what you did last",
  key_next_page: "Next page", key_first_page: "First page", key_help: "This list", key_approve: "Put on the wall", key_decline: "Decline", key_hide: "Hide from the wall", key_dismiss: "Settle the reports",
};

const problems = {
  problem_offline: "The service doesn’t answer. Nothing was done, or it is safe to do it again; look before you do.", problem_unavailable: "The service can’t do this at the moment. Try again in a little while.", problem_internal: "Something went wrong on our side.",
  problem_unauthorized: "Your session has ended.", problem_wrong_login: "Login or password is not right.", problem_wrong_code: "This code is not accepted. Wait for the next one.", problem_step_up_required: "This needs a fresh proof of who you are.",
  problem_step_up_failed: "That was not right. Nothing was done.", problem_totp_setup_required: "Your account needs a second factor first.", problem_forbidden: "Your role may not do this.", problem_login_taken: "There is an account with this login.",
  problem_nothing_to_remove: "All of these are removed already.", problem_preview_outdated: "What fits the search has changed. Look at how many there are now and decide again.", problem_already_undone: "This is undone already.",
  problem_removal_quota_spent: "You have removed and accepted as many today as you may. An admin can raise the limit.", problem_too_many_requests: "Too many attempts. Wait {seconds} seconds.", problem_no_mail: "Mails don’t leave at the moment, so nobody could confirm.",
  problem_invalid_fields: "Some of it is not right.", problem_invalid_query: "Some of it is not right.", problem_field: "{field}: {code}.", problem_filter_empty: "Search for something first: a removal of everything is not offered.",
  problem_wall_off: "The campaign has no wall: nothing can be put on it.", problem_wall_quota_spent: "You have read or approved as many names today as you may. It begins anew at midnight (UTC).", problem_too_many_rules: "There are as many rules as there can be. End one first.", problem_too_many_to_reveal: "A hundred at a time can be revealed.", problem_passwords_differ: "The two passwords are not the same.",
  problem_rule_of_text: "A rule can’t look for words on the wall: what comes isn’t there yet.",
  field_required: "is missing", field_too_many: "has too many", field_text_invalid_text: "has no word", field_too_long: "is too long", field_too_short: "is too short", field_out_of_range: "is too small or too large", field_not_allowed: "is none of those that can be chosen", field_easy_to_guess: "is easy to guess",
  field_invalid_code: "is not the code of now", field_invalid_login: "small letters, digits and single . _ - only", field_invalid_origin: "is no origin such as https://www.example.org", field_invalid_domain: "is no domain of a mailbox", field_invalid_country: "is no code of a country",
  field_invalid_language: "is no tag of a language", field_invalid_email: "is no address", field_invalid_text: "has a character that no text may have", field_unknown_campaign: "there is no such campaign", field_unknown_partner: "there is no such partner", field_invalid_pattern: "has more than eight stars",
  field_invalid_source_tag: "is no tag of a source",
};

export const texts = { ...frame, ...account, ...search, ...clusters, ...queue, ...wall, ...acts, ...signals, ...campaign, ...log, ...keys, ...problems };
