"""SQLite is one pod on one volume; PostgreSQL is many."""

import unittest

import chart

ALONE = [way for way in chart.WAYS if way.startswith("sqlite")]
MANY = [way for way in chart.WAYS if way.startswith("postgresql")]


class Stores(unittest.TestCase):
    def test_sqlite_is_one_pod_that_nothing_multiplies_or_guards(self):
        self.assertTrue(ALONE)
        for way in ALONE:
            objects = chart.rendered(way)
            self.assertEqual(chart.of_kind(objects, "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"), [])
            spec = chart.one(objects, "StatefulSet")["spec"]
            self.assertEqual(spec["replicas"], 1)
            self.assertNotIn("topologySpreadConstraints", spec["template"]["spec"])
            names = [each["metadata"]["name"] for each in chart.of_kind(objects, "Service")]
            self.assertIn(spec["serviceName"], names)
            mounts = {each["name"]: each["mountPath"] for each in spec["template"]["spec"]["containers"][0]["volumeMounts"]}
            self.assertEqual(mounts["store"], "/var/lib/sangam")

    def test_the_file_has_a_volume_that_one_pod_holds_and_that_outlives_the_release(self):
        spec = chart.one(chart.rendered("sqlite"), "StatefulSet")["spec"]
        [claim] = spec["volumeClaimTemplates"]
        self.assertEqual(claim["metadata"]["name"], "store")
        self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteOncePod"])
        self.assertEqual(claim["spec"]["resources"], {"requests": {"storage": "10Gi"}})
        self.assertEqual(spec["persistentVolumeClaimRetentionPolicy"], {"whenDeleted": "Retain", "whenScaled": "Retain"})

    def test_a_claim_that_exists_is_taken_instead(self):
        spec = chart.one(chart.rendered("sqlite-full"), "StatefulSet")["spec"]
        self.assertNotIn("volumeClaimTemplates", spec)
        [store] = [each for each in spec["template"]["spec"]["volumes"] if each["name"] == "store"]
        self.assertEqual(store["persistentVolumeClaim"], {"claimName": "restored"})

    def test_postgresql_is_a_deployment_without_a_volume(self):
        self.assertTrue(MANY)
        for way in MANY:
            objects = chart.rendered(way)
            self.assertEqual(chart.of_kind(objects, "StatefulSet", "PersistentVolumeClaim"), [])
            spec = chart.one(objects, "Deployment")["spec"]
            self.assertEqual(spec["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
            self.assertNotIn("store", [each["name"] for each in spec["template"]["spec"]["volumes"]])
            self.assertIn('url = { file = "/run/secrets/sangam/database-url" }', chart.settings(objects))
            # Nothing runs before the pods: they migrate under the store's lock.
            self.assertEqual([each for each in objects if "helm.sh/hook" in each["metadata"].get("annotations", {})], chart.of_kind(objects, "Pod"))

    def test_the_number_of_pods_is_left_to_the_autoscaler_where_there_is_one(self):
        self.assertEqual(chart.one(chart.rendered("postgresql"), "Deployment")["spec"]["replicas"], 3)
        self.assertEqual(chart.one(chart.rendered("postgresql-one"), "Deployment")["spec"]["replicas"], 1)
        scaled = chart.rendered("postgresql-scaled")
        self.assertNotIn("replicas", chart.one(scaled, "Deployment")["spec"])
        autoscaler = chart.one(scaled, "HorizontalPodAutoscaler")["spec"]
        self.assertEqual((autoscaler["minReplicas"], autoscaler["maxReplicas"]), (2, 6))
        self.assertEqual(autoscaler["scaleTargetRef"]["name"], chart.one(scaled, "Deployment")["metadata"]["name"])

    def test_evictions_are_bounded_above_one_pod_only(self):
        for way, most in [("postgresql", 1), ("postgresql-scaled", "25%")]:
            budget = chart.one(chart.rendered(way), "PodDisruptionBudget")["spec"]
            self.assertEqual((budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]), (most, "AlwaysAllow"))
        self.assertEqual(chart.of_kind(chart.rendered("postgresql-one"), "PodDisruptionBudget"), [])

    def test_pods_are_spread_over_zones_and_nodes(self):
        constraints = chart.gateway(chart.rendered("postgresql"))["spec"]["topologySpreadConstraints"]
        self.assertEqual([each["topologyKey"] for each in constraints], ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])
        labels = chart.gateway(chart.rendered("postgresql"))["metadata"]["labels"]
        for each in constraints:
            self.assertTrue(chart.selects(each["labelSelector"]["matchLabels"], labels))
        [own] = chart.gateway(chart.rendered("postgresql-scaled"))["spec"]["topologySpreadConstraints"]
        self.assertEqual(own["whenUnsatisfiable"], "DoNotSchedule")


if __name__ == "__main__":
    unittest.main()
