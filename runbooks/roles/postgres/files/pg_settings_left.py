"""Settings of a restored server that are left as they are, each with the reason: the rest of pg_settings.py.

Names are those of the view pg_settings in versions 12 to 18, and of what that view hides (role, session_authorization).
"""

from __future__ import annotations

BEHAVES = """
    allow_alter_system allow_in_place_tablespaces backtrace_functions data_sync_retry debug_discard_caches
    debug_logical_replication_streaming extension_destdir jit_debugging_support jit_dump_bitcode jit_expressions
    jit_profiling_support jit_tuple_deforming operator_precedence_warning recovery_init_sync_method
    remove_temp_files_after_crash restart_after_crash send_abort_for_crash send_abort_for_kill synchronize_seqscans
    trace_connection_negotiation trace_notify trace_recovery_messages trace_sort wal_consistency_checking
"""
"""How the server behaves in trouble, or for its developers: it hides no page and stops no recovery."""
NAMES = """
    application_name cluster_name debug_pretty_print event_source log_autovacuum_min_duration log_checkpoints
    log_directory
    log_file_mode log_filename log_hostname log_lock_failures log_lock_waits log_parameter_max_length
    log_recovery_conflict_waits log_replication_commands log_rotation_age log_rotation_size
    log_startup_progress_interval log_statement_sample_rate log_temp_files log_truncate_on_rotation syslog_facility
    syslog_ident syslog_sequence_numbers syslog_split_messages update_process_title
"""
"""Where and how the server would log: it logs to the drill's file, and what it may say is overridden."""
ENTRY = """
    authentication_timeout bonjour_name client_connection_check_interval gss_accept_delegation krb_caseins_users
    krb_server_keyfile max_connections md5_password_warnings password_encryption reserved_connections
    scram_iterations ssl_ca_file ssl_cert_file ssl_ciphers ssl_crl_dir ssl_crl_file ssl_dh_params_file
    ssl_ecdh_curve ssl_groups ssl_key_file ssl_max_protocol_version ssl_min_protocol_version ssl_passphrase_command
    ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers ssl_tls13_ciphers
    superuser_reserved_connections tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout
"""
"""Who enters and over what: the drill has rules of its own, and checks enter by the socket or on loopback."""
TENDS = """
    autovacuum_analyze_scale_factor autovacuum_analyze_threshold autovacuum_freeze_max_age autovacuum_max_workers
    autovacuum_multixact_freeze_max_age autovacuum_naptime autovacuum_vacuum_cost_delay autovacuum_vacuum_cost_limit
    autovacuum_vacuum_insert_scale_factor autovacuum_vacuum_insert_threshold autovacuum_vacuum_max_threshold
    autovacuum_vacuum_scale_factor autovacuum_vacuum_threshold autovacuum_worker_slots vacuum_cost_delay
    vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
    vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age
    vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate
"""
"""When tables are tended: no row is changed by it."""
COSTS = """
    autovacuum_work_mem backend_flush_after bgwriter_delay bgwriter_flush_after bgwriter_lru_maxpages
    bgwriter_lru_multiplier commit_timestamp_buffers compute_query_id cpu_index_tuple_cost cpu_operator_cost
    cpu_tuple_cost cursor_tuple_fraction deadlock_timeout default_statistics_target effective_cache_size
    effective_io_concurrency file_copy_method file_extend_method from_collapse_limit geqo geqo_effort
    geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold hash_mem_multiplier huge_page_size
    io_combine_limit io_max_combine_limit io_max_concurrency io_workers jit_above_cost jit_inline_above_cost
    jit_optimize_above_cost join_collapse_limit logical_decoding_work_mem maintenance_io_concurrency
    maintenance_work_mem max_files_per_process max_locks_per_transaction max_notify_queue_pages
    max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather max_pred_locks_per_page
    max_pred_locks_per_relation max_pred_locks_per_transaction max_prepared_transactions max_stack_depth
    min_parallel_index_scan_size min_parallel_table_scan_size multixact_member_buffers
    multixact_offset_buffers notify_buffers old_snapshot_threshold parallel_leader_participation parallel_setup_cost
    parallel_tuple_cost random_page_cost recursive_worktable_factor seq_page_cost serializable_buffers
    stats_fetch_consistency subtransaction_buffers temp_buffers track_activities track_activity_query_size
    track_cost_delay_timing track_functions track_io_timing track_wal_io_timing transaction_buffers
    vacuum_buffer_usage_limit work_mem
"""
"""What queries cost, what is counted about them, and how much memory they get: never what they answer."""
PRESET = """
    block_size data_checksums data_directory_mode debug_assertions huge_pages_status in_hot_standby
    integer_datetimes lc_collate lc_ctype max_function_args max_identifier_length max_index_keys num_os_semaphores
    segment_size server_encoding server_version server_version_num shared_memory_size
    shared_memory_size_in_huge_pages ssl_library wal_block_size wal_segment_size
"""
"""Built in, made by initdb, or shown only: no file can set it."""
WRITES = """
    checkpoint_completion_target checkpoint_flush_after checkpoint_timeout checkpoint_warning commit_delay
    commit_siblings fsync full_page_writes min_wal_size summarize_wal synchronous_commit wal_compression
    wal_decode_buffer_size wal_init_zero wal_log_hints wal_recycle wal_skip_threshold wal_summary_keep_time
    wal_sync_method wal_writer_delay wal_writer_flush_after
"""
"""How the server writes from here on."""
CLIENT = """
    createrole_self_grant default_text_search_config default_toast_compression extension_control_path
    gin_pending_list_limit icu_validation_level jit_provider restrict_nonsystem_relation_kind
    transaction_deferrable transaction_isolation transaction_read_only vacuum_cleanup_index_scale_factor
"""
"""What a client may want for what it writes: reads answer the same, or are refused."""
OTHERS = """
    hot_standby_feedback idle_replication_slot_timeout max_active_replication_origins
    max_parallel_apply_workers_per_subscription max_replication_slots max_slot_wal_keep_size
    max_standby_archive_delay max_standby_streaming_delay max_sync_workers_per_subscription output_plugin_libraries
    track_commit_timestamp vacuum_defer_cleanup_age wal_keep_segments wal_keep_size wal_receiver_create_temp_slot
    wal_receiver_status_interval wal_receiver_timeout wal_retrieve_retry_interval wal_sender_timeout
"""
"""What other servers get, and how a standby waits: there are none, and hot_standby is off."""
SESSION = """
    allow_system_table_mods array_nulls backslash_quote bytea_output check_function_bodies client_encoding
    client_min_messages constraint_exclusion DateStyle debug_parallel_query default_table_access_method
    default_tablespace default_transaction_deferrable default_transaction_isolation
    default_transaction_read_only dynamic_library_path enable_async_append enable_bitmapscan
    enable_distinct_reordering enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin
    enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin
    enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning
    enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate enable_self_join_elimination
    enable_seqscan enable_sort enable_tidscan escape_string_warning event_triggers exit_on_error extra_float_digits
    force_parallel_mode gin_fuzzy_search_limit idle_in_transaction_session_timeout idle_session_timeout
    IntervalStyle jit lo_compat_privileges local_preload_libraries lock_timeout plan_cache_mode
    quote_all_identifiers role row_security search_path session_authorization session_preload_libraries
    session_replication_role standard_conforming_strings statement_timeout temp_file_limit temp_tablespaces
    timezone_abbreviations transaction_timeout transform_null_equals xmlbinary xmloption
"""
"""The application's own behaviour: sessions of checks set each of these themselves."""
LEFT = {
    name
    for text in (BEHAVES, NAMES, ENTRY, TENDS, COSTS, PRESET, WRITES, CLIENT, OTHERS, SESSION)
    for name in text.split()
}
