# Maskline in a Terraform configuration. `maskline_template` is the address of the packaged
# template in a bucket; see docs/operations.md.

variable "maskline_template" {
  type = string
}

resource "aws_cloudformation_stack" "maskline" {
  name         = "maskline"
  template_url = var.maskline_template
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  parameters = {
    RetentionDays = "90"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cloudwatch_event_rule" "events" {
  event_bus_name = aws_cloudformation_stack.maskline.outputs["BusName"]
  event_pattern  = jsonencode({ source = ["maskline"] })
}

output "api_url" {
  value = aws_cloudformation_stack.maskline.outputs["ApiUrl"]
}
