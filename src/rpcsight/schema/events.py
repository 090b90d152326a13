"""Windows events as all their layouts (EVTX, XML, several kinds of JSON) are brought to one form."""

from rpcsight.schema.column import Column

__all__ = ["DATA", "EVENT", "HOST_CLOCK"]

DATA: tuple[str, ...] = (
    # Sysmon 1, 3, 13, 17, 18
    *("utc_time", "image", "process_guid", "process_id", "user", "protocol", "initiated"),
    *("source_ip", "source_port", "destination_ip", "destination_port"),
    *(
        "command_line",
        "logon_id",
        "integrity_level",
        "parent_process_guid",
        "parent_process_id",
        "parent_image",
        "pipe_name",
        "target_object",
    ),
    # Security 5156, 4688, 4697, 4698, 5145, 4624; System 7045
    *("application", "direction", "source_address", "dest_address", "dest_port"),
    *("new_process_id", "new_process_name", "parent_process_name", "process_name", "mandatory_label"),
    *(
        "subject_user_name",
        "subject_domain_name",
        "subject_logon_id",
        "target_user_name",
        "target_domain_name",
        "target_logon_id",
    ),
    *("service_name", "service_file_name", "image_path", "task_name", "task_content", "client_process_id"),
    *("share_name", "relative_target_name", "access_mask", "ip_address", "ip_port", "logon_type"),
    # RPC Firewall 3; Microsoft-Windows-RPC 5, 6
    *(
        "interface_uuid",
        "op_num",
        "proc_num",
        "endpoint",
        "network_address",
        "authentication_level",
        "authentication_service",
    ),
    *("client_port", "server_address", "server_port"),
)
"""Windows' names of the fields that are read, in lower case with underscores (`ProcessGuid` is `process_guid`)."""

EVENT: tuple[Column, ...] = (
    Column(
        "time_us",
        "BIGINT",
        "when it was written, in microseconds since 1970 UTC; empty where the record does not say so",
    ),
    Column(
        "local_us", "BIGINT", "likewise, by a clock whose zone the record does not say; empty where time_us is there"
    ),
    Column("clock_us", "BIGINT", "how fine that time is, in microseconds"),
    Column("host", "VARCHAR", "the computer"),
    Column("channel", "VARCHAR", "its log, lower case"),
    Column("provider", "VARCHAR", "what wrote it, lower case"),
    Column("event_id", "INTEGER", "what kind of event"),
    Column("record_id", "VARCHAR", "its number in the log"),
    *(Column(name, "VARCHAR", f"the event's field {name.title().replace('_', '')}, as it stands") for name in DATA),
    Column("observer", "VARCHAR", "what recorded it, where that is not the computer"),
    Column("source", "VARCHAR", "the file it was read from"),
)
"""What a reader of Windows events gives for each; the steps `event_*` make the other tables of them."""

HOST_CLOCK: tuple[Column, ...] = (
    Column("source", "VARCHAR", "the file"),
    Column("host", "VARCHAR", "the computer"),
    Column("events", "BIGINT", "its events with a time"),
    Column("without_zone", "BIGINT", "those of them whose time is local, of a zone that nothing in the file tells"),
    Column("moved", "BIGINT", "connections of Sysmon whose time was set right"),
    Column("moved_us", "BIGINT", "by so much"),
    Column("in_both_logs", "BIGINT", "connections in both Sysmon's log and the Security log"),
    Column("apart_us", "BIGINT", "median of the Security log's times less Sysmon's"),
    Column("lower_quartile_us", "BIGINT", "its lower quartile"),
    Column("upper_quartile_us", "BIGINT", "its upper quartile"),
    Column("whole_seconds", "BIGINT", "those of them with a time of whole seconds"),
)
"""What a diagnosis asks of the clocks in Windows events: `steps/event_host_clock.sql`."""
