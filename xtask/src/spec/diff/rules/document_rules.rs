//! The rules that do not depend on the position of a schema: rules about documents, operations, security,
//! parameters, bodies, properties and responses.

use crate::spec::diff::severity::WireLevel;

/// Defines the changes with the id, the wire level and the message of each.
macro_rules! document_changes {
    ($($name:ident: $id:literal, $level:ident, $message:literal,)*) => {
        /// A change that does not depend on the position of a schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum DocumentChange {
            $($name,)*
        }

        pub(super) const DOCUMENT_RULES: &[(&str, WireLevel, &str)] =
            &[$(($id, WireLevel::$level, $message),)*];
    };
}

document_changes! {
    // Pages. `drift` reports these two.
    PageRemoved: "page-removed", Err, "page removed",
    PageNotOpenapi: "page-not-openapi", Err, "page has no valid OpenAPI 3.0 document",
    // The generated client.
    ClientSurfaceChanged: "client-surface-changed", None, "generated client changed, by no other change of this report",
    ClientNotGenerated: "client-not-generated", None, "no client can be generated",
    KeyOriginUnlisted: "key-origin-unlisted", None, "API key would be sent to a server that openapi/sources.toml does not list",
    // Operations.
    EndpointAdded: "endpoint-added", Info, "operation added",
    ApiPathRemovedWithoutDeprecation: "api-path-removed-without-deprecation", Err, "operation and its path removed",
    ApiPathRemovedWithDeprecation: "api-path-removed-with-deprecation", Info, "deprecated operation and its path removed",
    ApiRemovedWithoutDeprecation: "api-removed-without-deprecation", Err, "operation removed",
    ApiRemovedWithDeprecation: "api-removed-with-deprecation", Info, "deprecated operation removed",
    EndpointDeprecated: "endpoint-deprecated", Info, "operation deprecated",
    EndpointReactivated: "endpoint-reactivated", Info, "operation no longer deprecated",
    // The operationId names the generated method.
    ApiOperationIdAdded: "api-operation-id-added", Info, "operationId added",
    ApiOperationIdRemoved: "api-operation-id-removed", Info, "operationId removed or changed",
    ApiTagAdded: "api-tag-added", Info, "tag added",
    ApiTagRemoved: "api-tag-removed", Info, "tag removed",
    PathParameterRenamed: "path-parameter-renamed", Info, "path parameter renamed",
    // Servers. A client keeps the address that it was built with.
    ServerAdded: "server-added", Info, "server added",
    ServerRemoved: "server-removed", Err, "server removed",
    DefaultServerChanged: "default-server-changed", Info, "default server changed",
    ServerVariableValueRemoved: "server-variable-value-removed", Err, "value of a server variable removed",
    ServerVariableBecameEnum: "server-variable-became-enum", Warn, "server variable now has a list of values",
    ServerDetailsChanged: "server-details-changed", Info, "description or variables of a server changed",
    // Security. oasdiff compares names; these rules compare the credentials that an operation effectively
    // requires.
    ApiSecurityAdded: "api-security-added", Info, "security requirement added as an alternative",
    ApiSecurityRemoved: "api-security-removed", Info, "security requirement removed; its credentials are still accepted",
    ApiSecurityRequired: "api-security-required", Err, "authentication required",
    ApiSecurityRefused: "api-security-refused", Err, "security requirement removed; its credentials are now rejected",
    ApiSecurityScopeAdded: "api-security-scope-added", Err, "scope now required",
    ApiSecurityScopeRemoved: "api-security-scope-removed", Info, "scope no longer required",
    ApiGlobalSecurityAdded: "api-global-security-added", Info, "security requirement added as an alternative for all operations",
    ApiGlobalSecurityRemoved: "api-global-security-removed", Info, "security requirement removed for all operations; its credentials are still accepted",
    ApiGlobalSecurityRequired: "api-global-security-required", Err, "authentication required for all operations",
    ApiGlobalSecurityRefused: "api-global-security-refused", Err, "security requirement removed for all operations; its credentials are now rejected",
    ApiGlobalSecurityScopeAdded: "api-global-security-scope-added", Err, "scope now required for all operations",
    ApiGlobalSecurityScopeRemoved: "api-global-security-scope-removed", Info, "scope no longer required for all operations",
    ApiSecurityComponentAdded: "api-security-component-added", Info, "security scheme added",
    ApiSecurityComponentRemoved: "api-security-component-removed", Info, "security scheme removed",
    ApiSecurityComponentTypeChanged: "api-security-component-type-changed", Err, "type of a security scheme in use changed",
    SecuritySchemeChanged: "security-scheme-changed", Err, "location, name or scheme of a security scheme in use changed",
    UnusedSecuritySchemeChanged: "unused-security-scheme-changed", Info, "unused security scheme changed",
    ApiSecurityComponentOauthUrlChanged: "api-security-component-oauth-url-changed", Info, "OAuth: authorization URL changed",
    ApiSecurityComponentOauthTokenUrlChanged: "api-security-component-oauth-token-url-changed", Info, "OAuth: token URL changed",
    SecuritySchemeFlowAdded: "security-scheme-flow-added", Info, "OAuth: flow added",
    SecuritySchemeFlowRemoved: "security-scheme-flow-removed", Err, "OAuth: flow removed",
    SecuritySchemeDetailsChanged: "security-scheme-details-changed", Info, "bearer format, OpenID Connect URL or refresh URL of a security scheme changed",
    ApiSecurityComponentOauthScopeAdded: "api-security-component-oauth-scope-added", Info, "OAuth: scope added",
    ApiSecurityComponentOauthScopeRemoved: "api-security-component-oauth-scope-removed", Info, "OAuth: scope removed",
    ApiSecurityComponentOauthScopeChanged: "api-security-component-oauth-scope-changed", Info, "OAuth: description of a scope changed",
    // Parameters. A required parameter is an argument, an optional one a setter.
    NewRequestPathParameter: "new-request-path-parameter", Err, "path parameter added",
    NewRequiredRequestParameter: "new-required-request-parameter", Err, "required parameter added",
    NewOptionalRequestParameter: "new-optional-request-parameter", Info, "optional parameter added",
    RequestParameterRemoved: "request-parameter-removed", Warn, "parameter removed",
    RequestParameterRemovedWithDeprecation: "request-parameter-removed-with-deprecation", Info, "deprecated parameter removed",
    RequestParameterBecameRequired: "request-parameter-became-required", Err, "parameter became required",
    RequestParameterBecameOptional: "request-parameter-became-optional", Info, "parameter became optional",
    RequestParameterStyleChanged: "request-parameter-style-changed", Err, "serialisation of the parameter changed",
    RequestParameterEmptyValueAllowed: "request-parameter-empty-value-allowed", Info, "parameter may now be empty",
    RequestParameterEmptyValueRefused: "request-parameter-empty-value-refused", Err, "parameter may no longer be empty",
    // Request bodies.
    RequestBodyAddedRequired: "request-body-added-required", Err, "required body added",
    RequestBodyAddedOptional: "request-body-added-optional", Info, "optional body added",
    RequestBodyRemoved: "request-body-removed", Err, "body removed",
    RequestBodyBecameRequired: "request-body-became-required", Err, "body became required",
    RequestBodyBecameOptional: "request-body-became-optional", Info, "body became optional",
    // The generator supports one media type per body, so a second one stops the build until a fix selects
    // one.
    RequestBodyMediaTypeAdded: "request-body-media-type-added", Info, "media type of the body added",
    RequestBodyMediaTypeRemoved: "request-body-media-type-removed", Err, "media type of the body removed",
    RequestBodyMediaTypeNameChanged: "request-body-media-type-name-changed", Info, "parameters of the media type changed",
    RequestBodyMediaTypeNameGeneralized: "request-body-media-type-name-generalized", Info, "media type widened",
    RequestBodyMediaTypeNameSpecialized: "request-body-media-type-name-specialized", Err, "media type narrowed",
    RequestBodyMediaTypeSchemaAdded: "request-body-media-type-schema-added", Err, "schema of the media type added",
    RequestBodyMediaTypeSchemaRemoved: "request-body-media-type-schema-removed", Info, "schema of the media type removed",
    RequestBodyEncodingChanged: "request-body-encoding-changed", Warn, "encoding of a part of the body changed",
    // Schemas as a whole.
    RequestContractNarrowed: "request-contract-narrowed", Err, "the new schema as a whole does not accept everything that the old one allows",
    ResponseContractWidened: "response-contract-widened", Err, "the old schema as a whole does not accept everything that the new one allows",
    SchemaConditionChanged: "schema-condition-changed", Warn, "keyword of OpenAPI 3.1 changed, which is compared only for equality",
    // Properties.
    NewRequiredRequestProperty: "new-required-request-property", Err, "required property added",
    NewRequiredRequestPropertyWithDefault: "new-required-request-property-with-default", Err, "required property added, with a default",
    NewOptionalRequestProperty: "new-optional-request-property", Info, "optional property added",
    RequestPropertyRemoved: "request-property-removed", Warn, "property removed",
    RequestPropertyBecameRequired: "request-property-became-required", Err, "property became required",
    RequestPropertyBecameRequiredWithDefault: "request-property-became-required-with-default", Err, "property with a default became required",
    RequestPropertyBecameOptional: "request-property-became-optional", Info, "property became optional",
    RequestReadOnlyPropertyAdded: "request-read-only-property-added", Info, "read-only property added",
    RequestReadOnlyPropertyRemoved: "request-read-only-property-removed", Info, "read-only property removed",
    RequestReadOnlyPropertyBecameRequired: "request-read-only-property-became-required", Info, "read-only property became required",
    RequestReadOnlyPropertyBecameOptional: "request-read-only-property-became-optional", Info, "read-only property became optional",
    RequestOptionalPropertyBecameReadOnly: "request-optional-property-became-read-only", Info, "optional property became read-only",
    RequestOptionalPropertyBecameNotReadOnly: "request-optional-property-became-not-read-only", Info, "optional property no longer read-only",
    RequestRequiredPropertyBecameReadOnly: "request-required-property-became-read-only", Info, "required property became read-only",
    RequestRequiredPropertyBecameNotReadOnly: "request-required-property-became-not-read-only", Info, "required property no longer read-only",
    RequestOptionalPropertyBecameWriteOnly: "request-optional-property-became-write-only", Info, "optional property became write-only",
    RequestOptionalPropertyBecameNotWriteOnly: "request-optional-property-became-not-write-only", Info, "optional property no longer write-only",
    RequestRequiredPropertyBecameWriteOnly: "request-required-property-became-write-only", Info, "required property became write-only",
    RequestRequiredPropertyBecameNotWriteOnly: "request-required-property-became-not-write-only", Info, "required property no longer write-only",
    // Response schemas are relaxed by `build`, so published releases accept an additional property. Only mocks build
    // the types, with `new`, which gives a required property its default.
    ResponseRequiredPropertyAdded: "response-required-property-added", Info, "required property added",
    ResponseOptionalPropertyAdded: "response-optional-property-added", Info, "optional property added",
    ResponseRequiredPropertyRemoved: "response-required-property-removed", Err, "required property removed",
    ResponseOptionalPropertyRemoved: "response-optional-property-removed", Warn, "optional property removed",
    ResponseRequiredWriteOnlyPropertyAdded: "response-required-write-only-property-added", Info, "required write-only property added",
    ResponseOptionalWriteOnlyPropertyAdded: "response-optional-write-only-property-added", Info, "optional write-only property added",
    ResponseRequiredWriteOnlyPropertyRemoved: "response-required-write-only-property-removed", Info, "required write-only property removed",
    ResponseOptionalWriteOnlyPropertyRemoved: "response-optional-write-only-property-removed", Info, "optional write-only property removed",
    ResponsePropertyBecameRequired: "response-property-became-required", Info, "property became required",
    ResponsePropertyBecameOptional: "response-property-became-optional", Err, "property became optional",
    ResponseWriteOnlyPropertyBecameRequired: "response-write-only-property-became-required", Info, "write-only property became required",
    ResponseWriteOnlyPropertyBecameOptional: "response-write-only-property-became-optional", Info, "write-only property became optional",
    ResponseOptionalPropertyBecameReadOnly: "response-optional-property-became-read-only", Info, "optional property became read-only",
    ResponseOptionalPropertyBecameNotReadOnly: "response-optional-property-became-not-read-only", Info, "optional property no longer read-only",
    ResponseRequiredPropertyBecameReadOnly: "response-required-property-became-read-only", Info, "required property became read-only",
    ResponseRequiredPropertyBecameNotReadOnly: "response-required-property-became-not-read-only", Info, "required property no longer read-only",
    ResponseOptionalPropertyBecameWriteOnly: "response-optional-property-became-write-only", Info, "optional property became write-only",
    ResponseOptionalPropertyBecameNotWriteOnly: "response-optional-property-became-not-write-only", Info, "optional property no longer write-only",
    ResponseRequiredPropertyBecameWriteOnly: "response-required-property-became-write-only", Info, "required property became write-only",
    ResponseRequiredPropertyBecameNotWriteOnly: "response-required-property-became-not-write-only", Warn, "required property no longer write-only",
    // Responses. The success responses of an operation define its return type, the error responses its error
    // type.
    ResponseSuccessStatusAdded: "response-success-status-added", Info, "success status added",
    ResponseSuccessStatusRemoved: "response-success-status-removed", Err, "success status removed",
    ResponseNonSuccessStatusAdded: "response-non-success-status-added", Info, "status other than 2XX added",
    ResponseNonSuccessStatusRemoved: "response-non-success-status-removed", Info, "status other than 2XX removed",
    ResponseDefaultAdded: "response-default-added", Info, "default response added",
    ResponseDefaultRemoved: "response-default-removed", Info, "default response removed",
    ResponseCoveredStatusRemoved: "response-covered-status-removed", Info, "success status removed; its range or the default response still covers it",
    ResponseStatusRangeNarrowed: "response-status-range-narrowed", Info, "range of statuses or default response narrowed to this status",
    ResponseStatusRangeWidened: "response-status-range-widened", Info, "status widened to a range of statuses or to the default response",
    ResponseMediaTypeAdded: "response-media-type-added", Info, "media type added",
    ResponseMediaTypeRemoved: "response-media-type-removed", Err, "media type removed",
    ResponseMediaTypeNameChanged: "response-media-type-name-changed", Info, "parameters of the media type changed",
    ResponseMediaTypeNameGeneralized: "response-media-type-name-generalized", Err, "media type widened",
    ResponseMediaTypeNameSpecialized: "response-media-type-name-specialized", Info, "media type narrowed",
    ResponseBodyMediaTypeSchemaAdded: "response-body-media-type-schema-added", Info, "schema of the media type added",
    ResponseBodyMediaTypeSchemaRemoved: "response-body-media-type-schema-removed", Warn, "schema of the media type removed",
    ResponseEncodingChanged: "response-encoding-changed", Warn, "encoding of a part of the body changed",
    // The generated code passes headers through unchanged.
    ResponseHeaderAdded: "response-header-added", Info, "header added",
    RequiredResponseHeaderRemoved: "required-response-header-removed", Err, "required header removed",
    OptionalResponseHeaderRemoved: "optional-response-header-removed", Warn, "optional header removed",
    ResponseHeaderBecameOptional: "response-header-became-optional", Err, "header became optional",
    ResponseHeaderBecameRequired: "response-header-became-required", Info, "header became required",
    ResponseHeaderStyleChanged: "response-header-style-changed", Warn, "serialisation of the header changed",
    ResponseLinksChanged: "response-links-changed", Info, "links changed",
    CallbackAdded: "callback-added", Info, "callback added",
    CallbackRemoved: "callback-removed", Warn, "callback removed",
    CallbackChanged: "callback-changed", Warn, "callback changed",
    WebhookAdded: "webhook-added", Info, "webhook added",
    WebhookRemoved: "webhook-removed", Err, "webhook removed",
    WebhookChanged: "webhook-changed", Warn, "webhook changed",
    // Annotations.
    DescriptionChanged: "description-changed", Info, "description or summary changed",
    TitleChanged: "title-changed", Info, "title changed, which may rename a type",
    ExampleChanged: "example-changed", Info, "example changed",
    ExtensionChanged: "extension-changed", Info, "extension changed",
    ExternalDocsChanged: "external-docs-changed", Info, "link to external documentation changed",
    XmlChanged: "xml-changed", Info, "XML serialisation changed",
    InfoChanged: "info-changed", Info, "title, version or terms of the API changed",
    TagsChanged: "tags-changed", Info, "definition of a tag changed",
    OtherKeyChanged: "other-key-changed", Info, "unrecognised key changed",
}
