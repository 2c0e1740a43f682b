# A model package group with tags and a policy, by Terraform or OpenTofu.
#
#   terraform init
#   terraform apply -var endpoint=http://127.0.0.1:8080
#
# Terraform knows groups and their policies; versions are registered by a pipeline. Without an endpoint the group is
# made in AWS, with the credentials of the environment.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "endpoint" {
  description = "Where the registry is served; null for AWS."
  type        = string
  default     = null
}

variable "group" {
  description = "The name of the group."
  type        = string
  default     = "churn"
}

locals {
  emulated = var.endpoint != null
}

provider "aws" {
  region     = "us-east-1"
  access_key = local.emulated ? "terraform" : null
  secret_key = local.emulated ? "any" : null

  # Without these three the provider asks AWS itself who it is, before the first call of the registry.
  skip_credentials_validation = local.emulated
  skip_requesting_account_id  = local.emulated
  skip_metadata_api_check     = local.emulated

  endpoints {
    sagemaker = var.endpoint
  }
}

resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = var.group
  model_package_group_description = "Customers about to leave"
  tags = {
    team = "risk"
  }
}

data "aws_iam_policy_document" "readers" {
  statement {
    sid       = "ReadFromStaging"
    actions   = ["sagemaker:DescribeModelPackageGroup"]
    resources = [aws_sagemaker_model_package_group.this.arn]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:root"]
    }
  }
}

resource "aws_sagemaker_model_package_group_policy" "readers" {
  model_package_group_name = aws_sagemaker_model_package_group.this.model_package_group_name
  resource_policy          = data.aws_iam_policy_document.readers.json
}

output "arn" {
  value = aws_sagemaker_model_package_group.this.arn
}
