"""A database of vulnerabilities with one entry, in the form of Grype's.

The form is version 6 (https://github.com/anchore/grype/blob/v0.121.3/grype/db/v6/models.go): handles by which matches
are found, and what is said of each as JSON. Real ones are in no registry of packages, and have hundreds of megabytes.
"""

import json
import sqlite3
import tarfile
from datetime import UTC, datetime
from pathlib import Path

PACKAGE, VULNERABLE, MENDED = "leaky", "1.2.3", "1.2.4"
NAME = "GHSA-2345-6789-cfgh"
_DATES = "published_date datetime, modified_date datetime, withdrawn_date datetime"
_HANDLE = "id integer primary key, vulnerability_id integer not null, blob_id integer"
_TABLES = {
    "blobs": "id integer primary key, value text not null",
    "db_metadata": "build_timestamp datetime, model integer, revision integer, addition integer",
    "providers": "id text primary key, version text, processor text, date_captured datetime, input_digest text",
    "vulnerability_handles": f"id integer primary key, name text, status text, {_DATES}, provider_id text, blob_id int",
    "vulnerability_aliases": "name text, alias text",
    "packages": "id integer primary key, ecosystem text, name text",
    "affected_package_handles": f"{_HANDLE}, operating_system_id integer, package_id integer",
    "unaffected_package_handles": f"{_HANDLE}, operating_system_id integer, package_id integer",
    "affected_cpe_handles": f"{_HANDLE}, cpe_id integer",
    "unaffected_cpe_handles": f"{_HANDLE}, cpe_id integer",
    "package_specifier_overrides": "ecosystem text, replacement_ecosystem text",
    "architecture_aliases": "alias text primary key, canonical text not null",
    "operating_systems": (
        "id integer primary key, name text, release_id text, major_version text, minor_version text, "
        "label_version text, codename text, channel text, eol_date datetime, eoas_date datetime"
    ),
    "operating_system_specifier_overrides": (
        "alias text, version text, version_pattern text, codename text, channel text, replacement text, "
        "replacement_major_version text, replacement_minor_version text, replacement_label_version text, "
        "replacement_channel text, rolling numeric, applicable_client_db_schemas text"
    ),
    "cpes": (
        "id integer primary key, part text, vendor text, product text, edition text, language text, "
        "software_edition text, target_hardware text, target_software text, other text"
    ),
    "package_cpes": "cpe_id integer, package_id integer",
    "known_exploited_vulnerability_handles": "id integer primary key, cve text, blob_id integer",
    "epss_handles": "id integer primary key, cve text, epss real, percentile real",
    "epss_metadata": "date datetime",
    "cwe_handles": "id integer primary key, cve text, cwe text, source text, type text",
    "ssvc_handles": "id integer primary key, cve text",
}


def database(folder: Path) -> Path:
    """The archive that `grype db import` takes."""
    file, archive = folder / "vulnerability.db", folder / "database.tar.gz"
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}+00:00"
    said = {"id": NAME, "severities": [{"scheme": "CHMLN", "value": "high", "rank": 1}]}
    below = {"type": "python", "constraint": f"<{MENDED}"}
    where = {"ranges": [{"version": below, "fix": {"version": MENDED, "state": "fixed"}}]}
    written = sqlite3.connect(file)
    for name, columns in _TABLES.items():
        written.execute(f"create table {name} ({columns})")
    written.execute("insert into db_metadata values (?, 6, 1, 10)", [now])
    written.execute("insert into providers values ('github', '1', 'test', ?, 'xxh64:0')", [now])
    written.execute("insert into blobs values (1, ?), (2, ?)", [json.dumps(said), json.dumps(where)])
    written.execute(
        "insert into vulnerability_handles values (1, ?, 'active', ?, ?, null, 'github', 1)", [NAME, now, now]
    )
    written.execute("insert into packages values (1, 'python', ?)", [PACKAGE])
    written.execute("insert into affected_package_handles values (1, 1, 2, null, 1)")
    written.commit()
    written.close()
    with tarfile.open(archive, "w:gz") as output:
        output.add(file, "vulnerability.db")
    return archive
