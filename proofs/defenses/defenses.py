"""What is taken out, and the tests that SECURITY.md cites for it.

Each is a text that stands exactly once in its file, and what takes its place. A test of
several cases counts as failed if one of them fails.
"""

from __future__ import annotations

from dataclasses import dataclass

LAYER = "layers/masking/masking"
HANDLERS = "tests/handlers"
SESSION_EVENT = f"{HANDLERS}/on_session_event"
ATTACK = "tests/proofs/test_attack.py"
NOBODY_GETS_IN = f"{ATTACK}::test_nobody_gets_in_and_nothing_leaks"

# Tests that start a stack of their own or share one: slow.
SLOW = ("tests/stack/", ATTACK)


@dataclass(frozen=True)
class Defense:
    """A defense: its *name*, the text that is it, what stands there without it."""

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]

    def taken_out_of(self, source: str) -> str:
        """Return a file without it. Raises ValueError if it is not there once."""
        if source.count(self.text) != 1:
            message = f"{self.name}: not once in {self.file}: {self.text!r}"
            raise ValueError(message)
        return source.replace(self.text, self.without)


def _tests(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::{name}" for name in names)


DEFENSES: tuple[Defense, ...] = (
    # Keys and scopes
    Defense(
        "256 random bits of a key",
        f"{LAYER}/tenants/api_keys.py",
        "secrets.token_urlsafe(RANDOM_BYTES)",
        "secrets.token_urlsafe(8)",
        _tests(
            f"{HANDLERS}/test_authorize.py",
            "test_a_key_is_a_prefix_and_256_random_bits",
        ),
    ),
    Defense(
        "the hash of a key",
        f"{LAYER}/tenants/authorize.py",
        "return hashlib.sha256(key.encode()).hexdigest()",
        "return key",
        _tests(f"{HANDLERS}/test_authorize.py", "test_a_key_is_kept_as_its_hash_alone"),
    ),
    Defense(
        "the form of the header",
        f"{LAYER}/tenants/authorize.py",
        "BEARER.fullmatch(authorization.strip())",
        "BEARER.search(authorization.strip())",
        _tests(f"{HANDLERS}/test_authorize.py", "test_any_other_header_opens_nothing"),
    ),
    Defense(
        "the revocation of a key",
        f"{LAYER}/tenants/authorize.py",
        'if item is None or "revoked_at" in item:',
        "if item is None:",
        _tests(
            "tests/stack/test_keys.py",
            "test_a_key_lives_from_its_making_to_its_revocation",
        ),
    ),
    Defense(
        "the scope that a handler enforces",
        f"{LAYER}/api/gateway.py",
        "if scope not in request.scopes:",
        "if False:",
        (
            *_tests(
                f"{HANDLERS}/test_scopes.py",
                "test_one_cached_answer_opens_the_routes_of_its_scope_and_no_other",
            ),
            *_tests(
                "tests/stack/test_keys.py",
                "test_no_route_is_opened_by_what_the_gateway_remembers_of_another",
            ),
        ),
    ),
    Defense(
        "scopes as whole words",
        f"{LAYER}/api/gateway.py",
        'scopes=frozenset(str(caller.get("scopes", "")).split()),',
        'scopes=str(caller.get("scopes", "")),',
        _tests("tests/unit/test_gateway.py", "test_a_scope_must_be_there_and_whole"),
    ),
    Defense(
        "the scope of DELETE",
        "functions/expire_session/app.py",
        '@route(scope="sessions:write"',
        '@route(scope="sessions:read"',
        (NOBODY_GETS_IN,),
    ),
    # Tenants
    Defense(
        "the tenant of a session",
        f"{LAYER}/domain/sessions.py",
        "return session.tenant_id == tenant_id and not is_hidden(session, now)",
        "return not is_hidden(session, now)",
        (
            *_tests(
                f"{HANDLERS}/test_other_tenants.py",
                "test_a_stranger_finds_nothing_and_changes_nothing",
            ),
            *_tests(
                f"{HANDLERS}/test_get_session.py",
                "test_another_tenants_session_is_not_found_and_not_forbidden",
            ),
            *_tests(
                f"{HANDLERS}/test_search_sessions.py",
                "test_a_link_that_leads_to_another_tenants_session_shows_nothing",
            ),
            *_tests(
                f"{HANDLERS}/test_list_events.py",
                "test_the_history_is_its_tenants_alone",
            ),
        ),
    ),
    Defense(
        "the tenant of a session, on one route",
        f"{LAYER}/lifecycle/list_events.py",
        "not sessions.is_shown_to(tenant_id, found.session, now)",
        "not sessions.is_shown_to(found.session.tenant_id, found.session, now)",
        (NOBODY_GETS_IN,),
    ),
    Defense(
        "the tenant of a recording",
        f"{LAYER}/recording/delete_recording.py",
        "if known is None or known.tenant_id != tenant_id:",
        "if known is None:",
        _tests(
            f"{HANDLERS}/test_recording_access.py",
            "test_nobody_sees_anothers_recordings",
        ),
    ),
    Defense(
        "the quota of creates",
        f"{LAYER}/tenants/tenant_settings.py",
        "if not self.tenants.count_create(self.tenant_id, self.now(), most):",
        "if False:",
        _tests(
            f"{HANDLERS}/create_session/test_quotas.py",
            "test_of_fifty_at_once_with_a_quota_of_twenty_exactly_twenty_are_made",
        ),
    ),
    Defense(
        "the quota of live sessions",
        f"{LAYER}/tenants/tenant_settings.py",
        "if most is not None and self.tenants.live(self.tenant_id) >= most:",
        "if False:",
        _tests(
            f"{HANDLERS}/create_session/test_quotas.py",
            "test_as_many_live_sessions_as_the_quota_are_enough",
        ),
    ),
    Defense(
        "a tenant's own sub-account",
        f"{LAYER}/tenants/tenant_settings.py",
        'if own and asked.get("subaccount", own) != own:',
        "if False:",
        _tests(
            f"{HANDLERS}/create_session/test_quotas.py",
            "test_another_sub_account_is_refused_by_name_and_rule",
        ),
    ),
    # Secrets
    Defense(
        "environments without secrets",
        "template.yaml",
        "          WEBHOOK_TARGETS: !Ref WebhookTargets",
        "          WEBHOOK_TARGETS: '{{resolve:secretsmanager:x}}'",
        _tests(
            "tests/unit/test_secrets.py", "test_no_functions_environment_holds_a_secret"
        ),
    ),
    Defense(
        "secrets that are derived",
        "operate/webhooks.py",
        "        target.services.stores, tenant, webhook_signing.rotated\n    )\n",
        "        target.services.stores, tenant, webhook_signing.rotated\n    )\n"
        "    secrets = target.services.webhook_secrets_of(tenant)\n"
        "    target.services.stores.table.put(\n"
        '        {"pk": "TENANT#x", "sk": "KEPT", "kept": secrets}\n'
        "    )\n",
        _tests(
            f"{HANDLERS}/operate/test_webhooks.py", "test_the_table_holds_no_secret"
        ),
    ),
    Defense(
        "silence about secrets",
        f"{LAYER}/plivo/credentials.py",
        "        tokens = (self.auth_token, self.previous_auth_token)\n",
        "        tokens = (self.auth_token, self.previous_auth_token)\n"
        "        print(tokens)\n",
        _tests(f"{HANDLERS}/test_secrets.py", "test_no_function_logs_a_secret"),
    ),
    # Callbacks
    Defense(
        "the token in a callback's path",
        f"{LAYER}/callbacks/receive.py",
        "if not callback_urls.is_token("
        "self.callback_key, session_uuid, attempt, token):",
        "if False:",
        _tests(
            f"{SESSION_EVENT}/test_floods.py", "test_without_our_token_nothing_is_read"
        ),
    ),
    Defense(
        "the signature of a callback",
        f"{LAYER}/plivo/signature.py",
        "is_right = hmac.compare_digest(expected, value)",
        "is_right = bool(value)",
        (
            *_tests(
                f"{SESSION_EVENT}/test_answers.py",
                "test_whatever_is_changed_on_the_way_is_refused",
                "test_a_callback_for_another_sessions_address_is_refused",
            ),
            *_tests(
                f"{SESSION_EVENT}/test_floods.py",
                "test_with_a_wrong_signature_nothing_is_written",
            ),
        ),
    ),
    Defense(
        "V2 as no signature",
        f"{LAYER}/plivo/signature.py",
        'HEADERS = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")',
        'HEADERS = ("x-plivo-signature-v3", "x-plivo-signature-v2")',
        _tests(f"{SESSION_EVENT}/test_signatures.py", "test_v2_alone_is_no_signature"),
    ),
    Defense(
        "the bound of a callback",
        f"{LAYER}/callbacks/receive.py",
        "if max(len(request.body), len(request.query)) > LARGEST:",
        "if False:",
        _tests(
            f"{SESSION_EVENT}/test_signatures.py", "test_nonsense_is_bounded_and_named"
        ),
    ),
    Defense(
        "the throttle of the API",
        "template.yaml",
        "        ThrottlingBurstLimit: 500\n        ThrottlingRateLimit: 250\n",
        "        ThrottlingBurstLimit: 0\n        ThrottlingRateLimit: 0\n",
        _tests("tests/unit/test_privileges.py", "test_the_api_is_throttled"),
    ),
    Defense(
        "the count of wrong PINs over all sessions",
        f"{LAYER}/stream/pin_guessing.py",
        "    key = key_space.guess_key(session.tenant_id, pair)",
        "    key = key_space.guess_key(session.session_uuid, pair)",
        _tests(
            f"{HANDLERS}/publish_changes/test_pin_guessing.py",
            "test_failures_over_several_sessions_are_added_up",
        ),
    ),
    Defense(
        "each wrong PIN once",
        f"{LAYER}/stream/pin_guessing.py",
        "    digest = key_space.name_of(item)[:DIGITS]",
        "    digest = str(uuid.uuid4())",
        _tests(
            f"{HANDLERS}/publish_changes/test_pin_guessing.py",
            "test_every_failure_counts_once_however_often_and_in_whatever_order_it_is_seen",
        ),
    ),
    Defense(
        "callers who hide as one",
        f"{LAYER}/stream/pin_guessing.py",
        '        return f"{session.virtual_number} {session.session_uuid}"',
        '        return f"{uuid.uuid4()}"',
        _tests(
            f"{HANDLERS}/publish_changes/test_pin_guessing.py",
            "test_callers_who_hide_their_number_are_counted_together",
        ),
    ),
    # Crafted requests
    Defense(
        "UUIDs alone in Plivo's paths",
        f"{LAYER}/plivo/client.py",
        "    return str(uuid.UUID(name))",
        "    return name",
        _tests(
            "tests/unit/test_plivo_client.py",
            "test_nothing_but_a_uuid_gets_into_a_path",
        ),
    ),
    Defense(
        "UUIDs alone in our paths",
        f"{LAYER}/api/gateway.py",
        '        text = self.parameters.get("session_uuid", "")\n'
        "        if not UUID.fullmatch(text):",
        '        text = self.parameters.get("session_uuid", "")\n        if False:',
        _tests("tests/unit/test_abuse.py", "test_what_is_no_uuid_is_not_found"),
    ),
    Defense(
        "keys that a body names once",
        f"{LAYER}/api/requests.py",
        "        if key in seen:",
        "        if False:",
        _tests("tests/unit/test_abuse.py", "test_what_is_no_json_object_is_malformed"),
    ),
    Defense(
        "the check of a phone number",
        f"{LAYER}/api/fields.py",
        "def _party(value: str) -> str:",
        "def _party(value: str) -> str:\n    return value\n\n\n"
        "def _unused(value: str) -> str:",
        _tests(
            "tests/unit/test_abuse.py",
            "test_a_value_that_is_none_is_refused_with_its_field",
        ),
    ),
    Defense(
        "errors with a name",
        f"{LAYER}/api/requests.py",
        "    except (ValueError, RecursionError) as error:",
        "    except RecursionError as error:",
        _tests("tests/unit/test_abuse.py", "test_every_body_is_taken_or_refused"),
    ),
    # URLs
    Defense(
        "public addresses alone",
        f"{LAYER}/webhooks/ssrf_guard.py",
        "return inner.is_global and not inner.is_multicast and not inner.is_reserved",
        "return True",
        _tests("tests/unit/test_ssrf_guard.py", "test_no_url_reaches_inside"),
    ),
    Defense(
        "loopback by the setting alone",
        f"{LAYER}/webhooks/ssrf_guard.py",
        "return allowed == PUBLIC_AND_LOOPBACK",
        "return True",
        _tests(
            f"{HANDLERS}/test_deliver_webhook.py",
            "test_an_event_is_not_sent_inside_and_says_why",
        ),
    ),
    Defense(
        "the address that is pinned",
        f"{LAYER}/webhooks/ssrf_guard.py",
        "return Target(parts.scheme, host, port, found[0],",
        "return Target(parts.scheme, host, port, host,",
        _tests("tests/unit/test_ssrf_guard.py", "test_public_addresses_are_pinned"),
    ),
    Defense(
        "the hosts of recordings",
        f"{LAYER}/plivo/media.py",
        "if not is_origin and not (is_usual and (is_listed or is_old or may_be_any)):",
        "if False:",
        _tests(
            "tests/unit/test_plivo_media.py",
            "test_any_other_host_is_refused_before_anything_is_sent",
            "test_an_operators_word_opens_nothing_inside_and_nothing_in_clear",
        ),
    ),
    Defense(
        "public addresses of recordings",
        f"{LAYER}/plivo/media.py",
        "if must_be_public and not all(map(self._is_public, found)):",
        "if False:",
        _tests(
            "tests/unit/test_plivo_media.py",
            "test_a_redirect_to_what_is_not_public_https_is_refused",
        ),
    ),
    Defense(
        "credentials for listed hosts alone",
        f"{LAYER}/plivo/media.py",
        "is_trusted=(is_origin or is_listed) and not host.endswith(SHARED_DOMAIN),",
        "is_trusted=is_origin or is_listed,",
        _tests(
            "tests/unit/test_plivo_media.py",
            "test_no_host_sees_credentials_that_is_not_listed_or_that_anybody_can_rent",
        ),
    ),
    Defense(
        "no credentials for whom they are not for",
        f"{LAYER}/plivo/media.py",
        "if not (place.is_trusted and response.status in WANTS_CREDENTIALS):",
        "if response.status not in WANTS_CREDENTIALS:",
        _tests(
            "tests/unit/test_plivo_media.py",
            "test_a_host_that_is_not_trusted_asks_for_credentials_in_vain",
        ),
    ),
    Defense(
        "no redirect with the credentials",
        f"{LAYER}/plivo/transport.py",
        "retries=False,\n                    redirect=False,",
        "retries=3,",
        _tests(
            "tests/unit/test_plivo_client.py",
            "test_no_redirect_is_followed_with_the_credentials",
        ),
    ),
    # Logs
    Defense(
        "names of errors instead of texts",
        f"{LAYER}/api/gateway.py",
        '"unexpected error", extra=telemetry.about(error)',
        'f"unexpected {error} {event}"',
        _tests(
            f"{HANDLERS}/test_leaks_of_failures.py", "test_no_failure_says_a_number"
        ),
    ),
    Defense(
        "errors of the SDK without their URL",
        f"{LAYER}/plivo/transport.py",
        "            raise _unanswered(error) from None",
        "            print(error)\n            raise _unanswered(error) from error",
        _tests(
            f"{HANDLERS}/test_leaks_of_failures.py",
            "test_the_sdk_prints_no_url_and_no_error_holds_one",
        ),
    ),
    Defense(
        "the route instead of the path",
        "template.yaml",
        '"routeKey":"$context.routeKey",',
        '"routeKey":"$context.path",',
        _tests(
            "tests/unit/test_privileges.py",
            "test_an_access_log_holds_nothing_that_a_caller_sent",
        ),
    ),
    Defense(
        "what is logged of a callback",
        f"{LAYER}/callbacks/receive.py",
        "telemetry.note(callback=callback, digest=digest, kind=self.kind)",
        "telemetry.note(callback=callback, digest=digest, token=token)",
        _tests(
            f"{SESSION_EVENT}/test_answers.py",
            "test_nothing_personal_and_no_token_is_logged",
        ),
    ),
    Defense(
        "roles instead of numbers",
        f"{LAYER}/domain/bus_events.py",
        '        "from": plivo_events.role_of(attributes.get("From"), parties),',
        '        "from": attributes.get("From"),',
        _tests(ATTACK, "test_no_number_and_no_pin_came_out_in_any_form"),
    ),
    # Erasures
    Defense(
        "the rest of a session that is erased",
        f"{LAYER}/erasure/erase_session.py",
        "        self._erase_rest(plan)\n",
        "",
        (
            *_tests(
                "tests/proofs/test_erased_number.py",
                "test_nothing_is_found_of_a_number_that_was_erased",
            ),
            *_tests(
                "tests/proofs/test_interrupted_erasures.py",
                "test_an_erasure_that_was_killed_at_any_request_is_completed",
            ),
            *_tests(
                "tests/stack/test_erasing.py",
                "test_a_person_is_forgotten_by_the_deployed_functions",
            ),
        ),
    ),
    Defense(
        "tombstones",
        f"{LAYER}/stream/session_links.py",
        'if tombstone is None or since > tombstone["at"]:',
        "if True:",
        _tests(
            "tests/proofs/erasure_races/test_links.py",
            "test_a_session_whose_link_is_written_late_is_erased_then",
        ),
    ),
    # Roles, the bucket, the template
    Defense(
        "partitions of the table in a role",
        "template.yaml",
        "                ForAllValues:StringLike: "
        '{"dynamodb:LeadingKeys": ["S#*", "ERASURE#*"]}',
        '                ForAllValues:StringLike: {"dynamodb:LeadingKeys": ["KEY#*"]}',
        _tests(
            "tests/unit/test_privileges.py",
            "test_a_function_may_do_exactly_this",
            "test_nobody_but_the_authorizer_touches_a_key_of_the_api",
        ),
    ),
    Defense(
        "the partition that the authorizer reads",
        "template.yaml",
        '["KEY#*"]',
        '["*"]',
        _tests(
            "tests/stack/test_roles.py",
            "test_a_function_is_denied_what_it_was_not_granted_in_the_table",
        ),
    ),
    Defense(
        "what a function needs",
        "template.yaml",
        "          WEBHOOK_QUEUE_URL: !Ref WebhookQueue\n"
        "          WEBHOOK_DEAD_LETTERS_URL",
        "          WEBHOOK_QUEUE_URL: !Ref RecordingQueue\n"
        "          WEBHOOK_DEAD_LETTERS_URL",
        _tests(ATTACK, "test_everybody_may_do_what_it_did"),
    ),
    Defense(
        "the block of public access",
        "template.yaml",
        "        BlockPublicAcls: true\n",
        "        BlockPublicAcls: false\n",
        _tests(
            "tests/unit/test_privileges.py",
            "test_the_bucket_is_nobodys_but_the_accounts",
        ),
    ),
    Defense(
        "the scan of the template",
        ".checkov.yaml",
        "skip-check:\n",
        "skip-check:\n  - CKV_AWS_53 # nothing\n",
        _tests("tests/stack/test_scan.py", "test_a_weakness_is_found"),
    ),
    Defense(
        "the reason of what the scan passes over",
        ".checkov.yaml",
        "  - CKV_AWS_149 # secrets\n",
        "  - CKV_AWS_149\n",
        _tests(
            "tests/unit/test_build_settings.py",
            "test_every_check_that_is_passed_over_has_its_reason",
        ),
    ),
    Defense(
        "TLS alone at the bucket",
        "template.yaml",
        '              Bool: {"aws:SecureTransport": "false"}',
        '              Bool: {"aws:SecureTransport": "true"}',
        _tests(
            "tests/unit/test_privileges.py", "test_the_bucket_answers_over_tls_alone"
        ),
    ),
    Defense(
        "versions in the bucket",
        "template.yaml",
        "      VersioningConfiguration:\n        Status: Enabled\n",
        "      VersioningConfiguration:\n        Status: Suspended\n",
        _tests(
            "tests/unit/test_template.py",
            "test_the_bucket_is_private_encrypted_and_versioned",
        ),
    ),
)
