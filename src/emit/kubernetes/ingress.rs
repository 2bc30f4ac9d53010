//! Ingresses (API reference, networking.k8s.io/v1).

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend as Backend, IngressRule as Rule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};

use super::file::metadata;
use crate::language::form::AnnotationKey;
use crate::model::{BackendPort, ClassForm};
use crate::plan::{IngressBackend, IngressPath, IngressPlan, IngressRule, Tls};

/// An Ingress of a class, named by the field or by the annotation, never both.
pub(super) fn ingress(plan: &IngressPlan, form: ClassForm) -> Ingress {
    let mut metadata = metadata(&plan.meta);
    let class = plan.class.to_string();
    let mut class_name = None;
    match form {
        ClassForm::Field => class_name = Some(class),
        ClassForm::Annotation => {
            let annotation = (AnnotationKey::CLASS.to_owned(), class);
            metadata.annotations.get_or_insert_default().extend([annotation]);
        }
    }
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: class_name,
            rules: Some(plan.rules.iter().map(rule).collect()),
            tls: plan.tls.as_ref().map(|found| vec![tls(found)]),
            ..IngressSpec::default()
        }),
        status: None,
    }
}

fn rule(rule: &IngressRule) -> Rule {
    let paths: Vec<HTTPIngressPath> = rule.paths.iter().map(path).collect();
    Rule {
        host: rule.host.as_ref().map(ToString::to_string),
        http: (!paths.is_empty()).then_some(HTTPIngressRuleValue { paths }),
    }
}

fn path(path: &IngressPath) -> HTTPIngressPath {
    HTTPIngressPath {
        path: Some(path.path.to_string()),
        path_type: path.kind.word().to_owned(),
        backend: backend(&path.backend),
    }
}

fn backend(backend: &IngressBackend) -> Backend {
    let port = match &backend.port {
        BackendPort::Name(name) => {
            ServiceBackendPort { name: Some(name.to_string()), number: None }
        }
        BackendPort::Number(number) => {
            ServiceBackendPort { name: None, number: Some(i32::from(*number)) }
        }
    };
    Backend {
        service: Some(IngressServiceBackend {
            name: backend.service.to_string(),
            port: Some(port),
        }),
        resource: None,
    }
}

fn tls(tls: &Tls) -> IngressTLS {
    IngressTLS {
        hosts: Some(tls.hosts.iter().map(ToString::to_string).collect()),
        secret_name: tls.secret.as_ref().map(ToString::to_string),
    }
}
