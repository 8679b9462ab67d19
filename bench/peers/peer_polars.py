"""Polars: lazy expressions, run by its streaming engine; over codes instead of text, as duckdb_strong.sql does it.

Number of threads: POLARS_MAX_THREADS, which peers.py sets before this process starts.
"""

import time

import data

VARIANTS = {
    "csv": {"tuned": "lazy, streaming"},
    "memory": {"strong": "integer keys and codes, sorted"},
    "half-life": {"exact": "integer keys and codes, exact"},
}

COUNTRIES = ["US", "CA", "MX", "GB", "IE", "FR", "DE", "NL", "BE", "LU", "ES", "PT", "IT", "AT", "CH", "DK", "SE", "NO", "FI", "AU", "NZ", "SG",
             "JP", "HK"]
INDUSTRIES = ["b2b_saas", "tech", "professional_services", "manufacturing", "healthcare", "other", "education", "nonprofit", "government"]
SENIORITIES = ["c_suite", "vp", "director", "manager", "ic", "agency", "student", "intern"]
SOURCES = ["referral", "website", "list_import", "trade_show", "manual"]
LOST = ["competitor", "timing", "budget", "no_decision", "product_gap"]
OWNERS = ["ana", "bruno", "chloe", "dev", "erin", "farid", "grace", "henk", "ines", "jo", "kim", "lee", "maya"]
FREEMAIL = ["gmail.com", "yahoo.com", "hotmail.com"]
DISQUALIFIERS = [None, "Too small", "Out-of-scope industry", "Unsupported country", "Not a buyer", "Personal email"]
ROUTES = [None, "Already in a deal", "Disqualified", "Target account", "Enterprise", "Mid-market", "SMB", "Referral", "Not ready yet",
          "Unqualified", "Hot but size unknown", "Warm but outside the size bands"]
GRADES = [None, "hot", "warm", "cool", "cold", "disqualified"]
RECYCLES = [None, "Second look at a lost deal", "Champion changed jobs", "Company is moving"]
FLAGS = {3: "Target Account", 4: "Hot Lead", 5: "Warm Lead", 7: "Referral", 9: "Unqualified", 10: "Hot Lead"}
DAY_S = 86400


def version():
    import polars

    return polars.__version__


class Job:
    def __init__(self, job, variant, options):
        import polars

        self.pl, self.job, self.options = polars, job, options
        self.as_of = data.as_of_seconds(options.as_of)
        self.targets = polars.read_csv(options.target_accounts).rename({"owner": "target_owner"}).with_columns(is_target=True)
        if job != "csv":
            self.load()

    # -- what is read

    def read_leads(self):
        pl = self.pl
        types = {"int": pl.Int32, "bool": pl.Boolean, "date": pl.Date}
        schema = {name: types[data.LEAD_TYPES[name]] if name in data.LEAD_TYPES else pl.String for name in data.LEAD_COLUMNS}

        def code(names, column):
            return pl.col(column).replace_strict(names, range(1, len(names) + 1), default=0, return_dtype=pl.UInt8).fill_null(0)

        return pl.scan_csv(self.options.leads, schema=schema).select(
            "lead_id",
            n_filled=sum(pl.col(name).is_not_null().cast(pl.UInt8)
                         for name in ("contact.name", "contact.email", "company.name", "contact.title", "lead.source")),
            employees=pl.col("company.employees").fill_null(-1),
            country=pl.when(pl.col("company.country").is_null()).then(0).otherwise(
                pl.col("company.country").replace_strict(COUNTRIES, range(1, len(COUNTRIES) + 1), default=99, return_dtype=pl.UInt8)),
            industry=code(INDUSTRIES, "company.industry"),
            seniority=code(SENIORITIES, "contact.seniority"),
            source=code(SOURCES, "lead.source"),
            current_owner="lead.owner",
            owner_code=code(OWNERS, "lead.owner"),
            has_open_opportunity=pl.col("crm.open_opportunity").fill_null(False),
            lost_on=pl.col("deal.lost_on").cast(pl.Int32),
            lost_reason=code(LOST, "deal.lost_reason"),
            domain="company.domain",
            is_freemail=pl.col("contact.email_domain").is_in(FREEMAIL).fill_null(False))

    def read_events(self):
        pl = self.pl
        schema = {"lead_id": pl.String, "event": pl.String, "time": pl.String, "page": pl.String}
        return pl.scan_csv(self.options.events, schema=schema).select(
            "lead_id",
            name=pl.col("event").cast(pl.Enum(data.EVENTS)).to_physical().cast(pl.UInt8),
            time=pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ms").dt.epoch("s").cast(pl.Int32))

    def load(self):
        pl = self.pl
        leads = self.read_leads().sort("lead_id").with_row_index("key").collect()
        self.keys = leads.select("key", "lead_id")
        codes = pl.Series("current_owner", leads["current_owner"]).cast(pl.Categorical)
        self.leads = leads.drop("lead_id").with_columns(current_owner=codes).set_sorted("key")
        self.events = (self.read_events().join(self.keys.lazy(), on="lead_id").select("key", "name", "time").sort("key", "time")
                       .collect().set_sorted("key"))
        weights = pl.DataFrame({"q30": pl.Series(data.weights_q30(), dtype=pl.Int64)})
        self.weights = weights.with_row_index("age").with_columns(pl.col("age").cast(pl.Int32)).lazy()

    # -- the rules

    def activity(self, events, key):
        pl = self.pl
        name, at = pl.col("name"), pl.col("time")
        events = events.filter(at <= self.as_of)
        fresh = at > self.as_of - 31 * DAY_S
        common = {
            "last": pl.when(name < data.N_SCORED).then(at).max(),
            "has_changed_job": ((name == 14) & fresh).any(),
            "has_news": ((name > 14) & fresh).any(),
        }
        n_visits = (name == 11).sum().cast(pl.Int32)
        if self.job == "half-life":
            events = events.with_columns(age=(self.as_of - at) // DAY_S).join(self.weights, on="age")
            q30 = {f"s{i}": pl.when(name == i).then(pl.col("q30")).otherwise(0).sum() for i in range(data.N_SCORED)}
            grouped = events.group_by(key).agg(n_visits=n_visits, **q30, **common)
            milli = []
            for i, points in enumerate(data.EVENT_POINTS):
                term = (pl.col(f"s{i}").cast(pl.Float64) * (1000 * points / 2**30) + 0.5).floor().cast(pl.Int64)
                cap = data.EVENT_CAPS.get(data.EVENTS[i])
                milli.append(pl.min_horizontal(term, pl.lit(1000 * cap)) if cap else term)
            return grouped.select(key, *common, event_points=pl.min_horizontal(
                sum(milli) + 15000 * (pl.col("n_visits") >= 5).cast(pl.Int64), pl.lit(100000)))
        seen = {f"e{i}": (name == i).any() for i in range(11)}
        grouped = events.group_by(key).agg(
            n_visits=n_visits, n_opens=(name == 12).sum().cast(pl.Int32), n_clicks=(name == 13).sum().cast(pl.Int32), **seen, **common)
        points = sum(data.EVENT_POINTS[i] * pl.col(f"e{i}").cast(pl.Int32) for i in range(11))
        return grouped.select(key, *common, event_points=pl.min_horizontal(
            points + 2 * (pl.col("n_visits") > 0).cast(pl.Int32) + 15 * (pl.col("n_visits") >= 5).cast(pl.Int32)
            + pl.min_horizontal(2 * pl.col("n_opens"), pl.lit(10)) + pl.min_horizontal(5 * pl.col("n_clicks"), pl.lit(20)), pl.lit(100)))

    def rules(self, leads, events, key):
        pl = self.pl
        col, when = pl.col, pl.when
        scale = 1000 if self.job == "half-life" else 1
        day = self.as_of // DAY_S

        def table(*lines):
            return sum(points * test.cast(pl.Int32) for points, test in lines)

        employees, industry, seniority, country = col("employees"), col("industry"), col("seniority"), col("country")
        idle_after = lambda days: (col("last") > self.as_of - days * DAY_S).fill_null(False)
        points = (
            leads.join(self.activity(events, key), on=key, how="left")
            .join(self.targets.lazy(), on="domain", how="left")
            .with_columns(
                is_active=col("event_points").is_not_null(),
                fit=table(
                    (-10, employees.is_between(1, 10)), (10, employees.is_between(11, 50)), (25, employees.is_between(51, 200)),
                    (20, employees.is_between(201, 500)), (10, employees > 500), (20, industry.is_between(1, 3)),
                    (10, industry.is_between(4, 5)), (-50, industry > 7), (30, seniority == 1), (25, seniority == 2), (20, seniority == 3),
                    (10, seniority == 4), (5, seniority == 5), (-20, seniority > 6), (10, country.is_between(1, 19)),
                    (5, country.is_between(20, 21)), (-20, country > 24)).clip(0, 100),
                engagement=when(idle_after(60)).then((col("event_points") + scale // 2) // scale)
                .when(idle_after(90)).then((col("event_points") + scale) // (2 * scale)).otherwise(0).cast(pl.Int32)))
        scored = points.with_columns(
            total=pl.min_horizontal(col("fit") + col("engagement"), pl.lit(100)),
            completeness=((200 * (col("n_filled").cast(pl.Int32) + col("is_active").cast(pl.Int32)) + 6) // 12),
            disqualifier=when(employees.is_between(0, 9)).then(1).when(industry > 6).then(2).when(country > 24).then(3)
            .when(seniority > 5).then(4).when(col("is_freemail")).then(5).otherwise(0).cast(pl.UInt8))
        total = col("total")
        routed = scored.with_columns(
            route=when(col("has_open_opportunity")).then(1).when(col("disqualifier") > 0).then(2).when(col("is_target")).then(3)
            .when((total >= 80) & (employees >= 200)).then(4).when((total >= 60) & employees.is_between(50, 200)).then(5)
            .when((total >= 60) & employees.is_between(0, 49)).then(6).when(col("source") == 1).then(7)
            .when((total >= 40) & (total < 60)).then(8).when(total < 40).then(9).when(total >= 80).then(10).otherwise(11).cast(pl.UInt8))
        route, owner = col("route"), col("owner_code")
        is_mate = (when(route == 4).then(owner.is_between(1, 4)).when(route == 6).then(owner.is_between(10, 12))
                   .when(route == 7).then(owner == 13).when(route.is_in([5, 10, 11])).then(owner.is_between(4, 9)).otherwise(False))
        placed = routed.select(
            key, "fit", "engagement", "total", "completeness", "disqualifier", "route",
            grade=when(col("disqualifier") > 0).then(5).otherwise(
                4 - (total >= 40).cast(pl.UInt8) - (total >= 60).cast(pl.UInt8) - (total >= 80).cast(pl.UInt8)).cast(pl.UInt8),
            kept=when((route == 1) | is_mate).then(col("current_owner")).when(route == 3).then(col("target_owner").cast(self.owner_type())),
            pool=when(is_mate).then(0).when(route == 6).then(7).when(route == 7).then(8)
            .when(route.is_in([4, 5, 10, 11]) & country.is_between(1, 24)).then(
                when(route == 4).then(1).otherwise(4) + (country > 3).cast(pl.UInt8) + (country > 19).cast(pl.UInt8))
            .otherwise(0).cast(pl.UInt8),
            recycle=when(col("lost_reason").is_between(1, 3) & (col("lost_on") <= day - 180) & (col("lost_on") > day - 366)).then(1)
            .when(col("has_changed_job")).then(2).when(col("has_news")).then(3).otherwise(0).cast(pl.UInt8))
        return placed

    def owner_type(self):
        return self.pl.String if self.job == "csv" else self.pl.Categorical

    def deal(self, placed, key):
        """The round robin, which needs all of a pool's leads together."""
        pl = self.pl
        pool, turn = pl.col("pool"), pl.col("turn")
        dealt = (placed.lazy().filter(pool > 0).select(key, "pool", "total").sort("pool", "total", key, descending=[False, True, False])
                 .with_columns(turn=pl.int_range(pl.len()).over("pool"))
                 .select(key, member=pl.when(pool == 1).then(1 + turn % 2).when(pool == 2).then(3).when(pool == 3).then(4)
                         .when(pool == 4).then(5 + turn % 3).when(pool == 5).then(8 + turn % 2).when(pool == 6).then(4)
                         .when(pool == 7).then(10 + turn % 3).otherwise(13).cast(pl.UInt8)))
        return placed.lazy().join(dealt, on=key, how="left").drop("pool")

    def named(self, rows):
        pl = self.pl

        def name(column, names):
            known = {i: text for i, text in enumerate(names) if text is not None}
            return pl.col(column).replace_strict(known, default=None, return_dtype=pl.String)

        return rows.select(
            "lead_id", "fit", "engagement", "total", "completeness", grade=name("grade", GRADES),
            disqualified_by=name("disqualifier", DISQUALIFIERS), route_name=name("route", ROUTES),
            owner=pl.coalesce(pl.col("kept").cast(pl.String), name("member", [None, *OWNERS])), route="route",
            recycle=name("recycle", RECYCLES))

    def run(self, out):
        pl = self.pl
        start = time.perf_counter()
        if self.job == "csv":
            placed = self.rules(self.read_leads(), self.read_events(), "lead_id").collect(engine="streaming")
            values = data.times(self.options.as_of, str)
            respond_by = {**dict.fromkeys((4, 7, 10), values["plus_4h"]), **dict.fromkeys((5, 6, 11), values["plus_24h"])}
            rows = self.named(self.deal(placed, "lead_id")).select(
                "lead_id", "fit", "engagement", "total", "completeness", "grade", "disqualified_by",
                pl.col("route_name").alias("route"), "owner",
                flag=pl.col("route").replace_strict(FLAGS, default=None, return_dtype=pl.String),
                respond_by=pl.col("route").replace_strict(respond_by, default=None, return_dtype=pl.String), recycle="recycle",
                recycle_to=pl.when(pl.col("recycle").is_not_null()).then(pl.lit("sales_reengage")))
            rows.collect(engine="streaming").write_csv(out)
        else:
            placed = self.rules(self.leads.lazy(), self.events.lazy(), "key").collect(engine="streaming")
            self.result = self.deal(placed, "key").collect(engine="streaming")
        return time.perf_counter() - start

    def write(self, out):
        rows = self.named(self.result.lazy().join(self.keys.lazy(), on="key"))
        rows.drop("route").rename({"route_name": "route"}).collect().write_csv(out)
