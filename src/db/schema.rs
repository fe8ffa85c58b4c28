diesel::table! {
    audit_log (id) {
        id -> Int8, at -> Timestamptz, moderator_id -> Nullable<Uuid>, campaign_id -> Nullable<Uuid>, action -> Text, details -> Jsonb,
    }
}
diesel::table! {
    campaign_totals (campaign_id) {
        campaign_id -> Uuid, total -> Int8, version -> Int8, changed_at -> Timestamptz, reread_at -> Timestamptz,
    }
}
diesel::table! {
    campaigns (id) {
        id -> Uuid, slug -> Text, state -> Text, default_language -> Text, texts -> Jsonb, goal -> Nullable<Int8>, name_field -> Text, email_field -> Text, message_field -> Text, consents -> Jsonb, controller_name -> Nullable<Text>, controller_contact -> Nullable<Text>, threshold -> Int4, mailbox_rules -> Int2, salt -> Bytea, created_at -> Timestamptz,
    }
}
diesel::table! {
    count_deltas (id) { id -> Int8, campaign_id -> Uuid, countries -> Array<Nullable<Text>>, amounts -> Array<Nullable<Int8>>, }
}
diesel::table! {
    country_totals (campaign_id, country) { campaign_id -> Uuid, country -> Text, counted -> Int8, shown -> Int8, live -> Bool, }
}
diesel::table! {
    moderator_campaigns (moderator_id, campaign_id) { moderator_id -> Uuid, campaign_id -> Uuid, }
}
diesel::table! {
    moderators (id) { id -> Uuid, login -> Text, role -> Text, password_hash -> Text, created_at -> Timestamptz, disabled_at -> Nullable<Timestamptz>, }
}
diesel::table! {
    pledges (id) {
        id -> Uuid, campaign_id -> Uuid, country -> Text, state -> Text, state_before -> Nullable<Text>, removal_id -> Nullable<Uuid>, fingerprint -> Bytea, request_digest -> Nullable<Bytea>, consent_updates -> Nullable<Int2>, consent_partner -> Nullable<Int2>, consent_public -> Nullable<Int2>, sealed_review -> Nullable<Bytea>, language -> Nullable<Text>, source -> Nullable<Text>, created_at -> Timestamptz, counted_at -> Nullable<Timestamptz>,
    }
}
diesel::table! {
    refresh_tokens (hash) { hash -> Bytea, session_id -> Uuid, parent -> Nullable<Bytea>, issued_at -> Timestamptz, used_at -> Nullable<Timestamptz>, }
}
diesel::table! {
    removals (id) {
        id -> Uuid, campaign_id -> Uuid, moderator_id -> Uuid, reason -> Text, note -> Text, pledges -> Int8, created_at -> Timestamptz, undone_at -> Nullable<Timestamptz>, undone_by -> Nullable<Uuid>, undo_note -> Nullable<Text>,
    }
}
diesel::table! {
    sessions (id) { id -> Uuid, moderator_id -> Uuid, created_at -> Timestamptz, expires_at -> Timestamptz, ended_at -> Nullable<Timestamptz>, ended_because -> Nullable<Text>, }
}
diesel::joinable!(sessions -> moderators (moderator_id));
diesel::allow_tables_to_appear_in_same_query!(audit_log, campaign_totals, campaigns, count_deltas, country_totals, moderator_campaigns, moderators, pledges, refresh_tokens, removals, sessions);
