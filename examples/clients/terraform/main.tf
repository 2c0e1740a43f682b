# A model package group with tags and a policy, for Terraform or OpenTofu.
#
#   terraform init
#   terraform apply -var endpoint=http://127.0.0.1:8080
#
# Terraform manages groups and their policies; a pipeline registers the versions. Without an endpoint, the group is
# created on AWS with the credentials of the environment.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "endpoint" {
  description = "The URL of the registry; null for AWS."
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

  # Without these three settings, the provider sends requests to AWS before it uses the registry.
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
