"""What boto3 and the AWS CLI talk to: our operations over the same services, the rest by moto in this process."""
