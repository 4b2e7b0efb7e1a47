"""Callers reach gRPC, providers reach webhooks, and nobody reaches more."""

import unittest

import chart


def services(objects):
    """Services by the end of their name."""
    return {each["metadata"]["name"].rpartition("-")[2]: each for each in chart.of_kind(objects, "Service")}


class Network(unittest.TestCase):
    def test_callers_find_all_pods_by_name_and_webhooks_have_an_address_apart(self):
        for way, objects in chart.every():
            found = services(objects)
            headless, webhook = found["headless"]["spec"], found["webhook"]["spec"]
            self.assertEqual(headless["clusterIP"], "None")
            # A name that resolves to pods cannot map ports.
            self.assertEqual([(each["port"], each["targetPort"]) for each in headless["ports"]], [(50051, "grpc")])
            self.assertNotIn("publishNotReadyAddresses", headless)
            self.assertNotIn("clusterIP", webhook)
            self.assertEqual([each["targetPort"] for each in webhook["ports"]], ["webhook"])
            self.assertEqual({each["spec"]["type"] for each in found.values()}, {"ClusterIP"})
            more = {"postgresql-scaled": 2, "postgresql-one": 1}.get(way, 0)
            self.assertEqual(len(found), 2 + more)

    def test_from_outside_only_webhooks_are_reached(self):
        for way in ("sqlite-full", "postgresql-scaled"):
            objects = chart.rendered(way)
            [rule] = chart.one(objects, "Ingress")["spec"]["rules"]
            self.assertEqual(rule["host"], "hooks.lender.example")
            [path] = rule["http"]["paths"]
            self.assertEqual((path["path"], path["pathType"]), ("/webhooks", "Prefix"))
            backend = path["backend"]["service"]
            self.assertEqual(backend["port"], {"name": "webhook"})
            self.assertEqual(backend["name"], services(objects)["webhook"]["metadata"]["name"])
        tls = chart.one(chart.rendered("sqlite-full"), "Ingress")["spec"]["tls"]
        self.assertEqual(tls, [{"hosts": ["hooks.lender.example"], "secretName": "hooks-tls"}])
        self.assertEqual(chart.of_kind(chart.rendered("sqlite"), "Ingress", "GRPCRoute"), [])

    def test_a_route_leads_to_a_service_with_an_address(self):
        objects = chart.rendered("postgresql-scaled")
        [rule] = chart.one(objects, "GRPCRoute")["spec"]["rules"]
        [backend] = rule["backendRefs"]
        [service] = [each for each in chart.of_kind(objects, "Service") if each["metadata"]["name"] == backend["name"]]
        self.assertNotIn("clusterIP", service["spec"])
        [port] = service["spec"]["ports"]
        self.assertEqual((port["port"], port["targetPort"], port["appProtocol"]), (backend["port"], "grpc", "kubernetes.io/h2c"))

    def test_no_rule_of_the_policy_lets_everybody_through(self):
        seen = 0
        for way, objects in chart.every():
            for policy in chart.of_kind(objects, "NetworkPolicy"):
                seen += 1
                spec = policy["spec"]
                self.assertEqual(spec["policyTypes"], ["Ingress", "Egress"])
                for side, rules in (("from", spec["ingress"]), ("to", spec["egress"])):
                    for rule in rules:
                        # An empty list, or none, stands for everything.
                        self.assertTrue(rule.get(side), (way, rule))
                        self.assertTrue(rule.get("ports"), (way, rule))
        without = [way for way in chart.WAYS if chart.values_of(way).get("networkPolicy", {}).get("enabled") is False]
        self.assertEqual(seen, len(chart.WAYS) - len(without))
        self.assertLess(len(without), seen)
        self.assertEqual(chart.of_kind(chart.rendered("postgresql-one"), "NetworkPolicy"), [])

    def test_only_callers_reach_grpc_and_only_the_ingress_reaches_webhooks(self):
        def sources(way, port):
            rules = chart.one(chart.rendered(way), "NetworkPolicy")["spec"]["ingress"]
            return [peer for rule in rules if {"port": port} in rule["ports"] for peer in rule["from"]]

        test = {"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "sangam", "app.kubernetes.io/component": "test"}}}
        caller = {"podSelector": {"matchLabels": {"sangam-caller": "true"}}}
        self.assertEqual(sources("sqlite", "grpc"), [caller, test])
        self.assertEqual(sources("sqlite", "webhook"), [])
        self.assertEqual(sources("sqlite-full", "webhook"), chart.values_of("sqlite-full")["networkPolicy"]["webhookSources"])
        given = chart.values_of("postgresql-scaled")["networkPolicy"]
        self.assertEqual(sources("postgresql-scaled", "grpc"), [*given["callers"], test])
        self.assertTrue(chart.selects(test["podSelector"]["matchLabels"], chart.one(chart.rendered("sqlite"), "Pod")["metadata"]["labels"]))

    def test_the_pod_of_helm_test_asks_a_port_that_needs_no_certificate_and_lets_it_in(self):
        for way, objects in chart.every():
            closed = "tls" in chart.values_of(way)["config"].get("listen", {})
            [container] = chart.one(objects, "Pod")["spec"]["containers"]
            name = services(objects)["headless"]["metadata"]["name"]
            expected = {f"-addr={name}:50053", "-service=readiness"}
            if not closed:
                expected = {f"-addr={name}:50051", "-service=sangam.v1.JourneyService"}
            self.assertLessEqual(expected, set(container["args"]), way)
            for policy in chart.of_kind(objects, "NetworkPolicy"):
                rules = [rule for rule in policy["spec"]["ingress"] if {"port": "admin"} in rule["ports"]]
                peers = [peer.get("podSelector", {}).get("matchLabels", {}) for rule in rules for peer in rule["from"]]
                tests = [labels for labels in peers if labels.get("app.kubernetes.io/component") == "test"]
                self.assertEqual(len(tests), int(closed), way)

    def test_nobody_is_a_caller_where_the_list_is_empty(self):
        objects = chart.render(chart.changed(chart.values_of("sqlite"), {"networkPolicy.callers": []}))
        [rule] = chart.one(objects, "NetworkPolicy")["spec"]["ingress"]
        self.assertEqual(len(rule["from"]), 1)

    def test_pods_reach_names_providers_database_and_collector(self):
        def ports(way):
            rules = chart.one(chart.rendered(way), "NetworkPolicy")["spec"]["egress"]
            return [port["port"] for rule in rules for port in rule["ports"]]

        self.assertEqual(ports("sqlite"), [53, 53, 443])
        self.assertEqual(ports("sqlite-full"), [53, 53, 443, 4317, 3128])
        self.assertEqual(ports("postgresql"), [53, 53, 443, 5432])

    def test_the_operator_fetches_every_key_that_is_mounted(self):
        objects = chart.rendered("postgresql-scaled")
        external = chart.one(objects, "ExternalSecret")["spec"]
        [secret] = [each["secret"] for each in chart.gateway(objects)["spec"]["volumes"] if each["name"] == "secrets"]
        self.assertEqual(external["target"]["name"], secret["secretName"])
        self.assertLessEqual({each["key"] for each in secret["items"]}, {each["secretKey"] for each in external["data"]})
        for _, objects in chart.every():
            self.assertEqual(chart.of_kind(objects, "Secret"), [])

    def test_the_account_has_no_token_and_may_be_another(self):
        account = chart.one(chart.rendered("sqlite"), "ServiceAccount")
        self.assertIs(account["automountServiceAccountToken"], False)
        self.assertEqual(chart.of_kind(chart.rendered("postgresql-scaled"), "ServiceAccount"), [])
        self.assertEqual(chart.gateway(chart.rendered("postgresql-scaled"))["spec"]["serviceAccountName"], "lending")


if __name__ == "__main__":
    unittest.main()
