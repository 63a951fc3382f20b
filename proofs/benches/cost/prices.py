"""List prices of AWS in us-east-1, in dollars, with where and when they were read.

AWS's own pages show prices by scripts, so that some were read in pages that quote them.
A price without a page is from memory, as of the same date: check it before you decide
anything by it. Free tiers and discounts are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

# When the pages were read.
AS_OF = "2026-11-27"

MILLION = 1e6
MONTH_HOURS = 730

LAMBDA = "https://cloudchipr.com/blog/aws-lambda-pricing"
DYNAMODB = "https://airbyte.com/data-engineering-resources/dynamodb-pricing"
STORAGE = "https://www.usage.ai/blogs/aws/storage-cost/glacier-deep-archive-pricing/"
LOGS = (
    "https://www.factualminds.com/blog/"
    "amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/"
)
HTTP_API = (
    "https://appropri8-astro.pages.dev/tutorials/2025/12/02/"
    "deploying-simple-api-aws/page/7"
)
FARGATE = "https://www.wring.co/blog/aws-fargate-pricing-guide"
MEMORY = ""


@dataclass(frozen=True)
class Price:
    """So many dollars for one *unit*; *source* is the page, empty for memory."""

    dollars: float
    unit: str
    source: str


PRICES = {
    "API requests": Price(1.00 / MILLION, "request", HTTP_API),
    "Lambda requests": Price(0.20 / MILLION, "request", LAMBDA),
    "Lambda time": Price(0.0000133334, "GB-second, arm64", LAMBDA),
    "table writes": Price(0.625 / MILLION, "unit", DYNAMODB),
    "table reads": Price(0.125 / MILLION, "unit", DYNAMODB),
    "bus events": Price(1.00 / MILLION, "event", MEMORY),
    "queue requests": Price(0.40 / MILLION, "request", MEMORY),
    "logs": Price(0.50, "GB", LOGS),
    "logs kept": Price(0.03, "GB-month, compressed to 15 %", MEMORY),
    "transfer out": Price(0.09, "GB", HTTP_API),
    "table kept": Price(0.25, "GB-month", MEMORY),
    "table's recovery": Price(0.20, "GB-month", MEMORY),
    "put, Standard": Price(0.005 / 1_000, "request", MEMORY),
    "put, Glacier IR": Price(0.02 / 1_000, "request", MEMORY),
    "get, Glacier IR": Price(0.01 / 1_000, "request", MEMORY),
    "kept, Standard": Price(0.023, "GB-month", STORAGE),
    "kept, Glacier IR": Price(0.004, "GB-month", STORAGE),
    "read, Glacier IR": Price(0.03, "GB", STORAGE),
    "traces": Price(5.00 / MILLION, "trace", MEMORY),
    "Fargate vCPU": Price(0.04048, "hour", FARGATE),
    "Fargate memory": Price(0.004445, "GB-hour", FARGATE),
    "load balancer": Price(0.0225, "hour, and units for what it takes", MEMORY),
    "load balancer's units": Price(0.008, "unit-hour", MEMORY),
    "PostgreSQL, db.t4g.medium in two zones": Price(0.129, "hour", MEMORY),
    "PostgreSQL's disk in two zones": Price(0.23, "GB-month", MEMORY),
}
