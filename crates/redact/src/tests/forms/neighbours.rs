//! A keyword and its value in separate parts: in objects, lists, messages, elements.

use super::*;

#[test]
fn values_next_to_their_names_are_found() {
    check_hits(
        "password",
        r##"
{"d":["password","⟦S3cr3tPw9⟧"]}
{"d":["password","⟦hunter2⟧"]}
(u'password', u'⟦S3cr3tPw9⟧')
[(u'user', u'ada'), (u'password', u'⟦S3cr3tPw9⟧')]
http.Header{"X-Api-Key":[]string{"⟦S3cr3tPw9⟧"}}
http.Header{"Accept":[]string{"*/*"}, "Authorization":[]string{"⟦S3 cr3t Pw9⟧"}, "X":[]string{"y"}}
url.Values{"password":[]string{"⟦S3cr3tPw9⟧"}, "user":[]string{"ada"}}
map[string]interface {}{"password":[]interface {}{"⟦S3cr3tPw9⟧"}}
map[string][]string{"token":[]string{"⟦S3cr3tPw9⟧", "⟦oth3rPw99⟧"}}
struct { Password []string }{Password:[]string{"⟦S3cr3tPw9⟧"}}
"password": []string{"⟦S3cr3tPw9⟧"}
msg="http.Header{\"X-Api-Key\":[]string{\"⟦S3cr3tPw9⟧\"}}"
map["X-Api-Key":["⟦S3cr3tPw9⟧"] "Host":["x"]]
map["password":"⟦S3cr3tPw9⟧"]
key: "password" value { string_value: "⟦S3cr3tPw9⟧" }
fields { key: "password" value { string_value: "⟦S3cr3tPw9⟧" } }
fields:{key:"password"  value:{string_value:"⟦S3cr3tPw9⟧"}}  fields:{key:"n" value:{number_value:1}}
fields {\n  key: "password"\n  value {\n    string_value: "⟦S3cr3tPw9⟧"\n  }\n}
entry { key: "api_key" value: "⟦S3cr3tPw9⟧" }
name:"password"  value:"⟦S3cr3tPw9⟧"
{"key":"http.request.header.x-api-key","value":{"arrayValue":{"values":[{"stringValue":"⟦S3cr3tPw9⟧"}]}}}
{"key":"token","value":{"arrayValue":{"values":[{"stringValue":"⟦S3cr3tPw9⟧"},{"stringValue":"⟦oth3rPw99⟧"}]}}}
{"m":"{\"key\":\"token\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"⟦S3cr3tPw9⟧\"}]}}}"}
{"key": "token", "value": {"Value": {"StringValue": "⟦S3cr3tPw9⟧"}}}
{"Key":"token","Value":{"Type":"STRING","Value":"⟦S3cr3tPw9⟧"}}
array(1) {\n  ["password"]=>\n  string(9) "⟦S3cr3tPw9⟧"\n}
{"m":"array(1) {\n  [\"password\"]=>\n  string(9) \"⟦S3cr3tPw9⟧\"\n}"}
object(App\\User)#3 (2) {\n  [\"password\":protected]=>\n  string(9) \"⟦S3cr3tPw9⟧\"\n}
Array\n(\n    [user] => ada\n    [password] => ⟦S3cr3tPw9\n⟧)\n
{"field":"password","from":"⟦S3cr3tPw9⟧","to":"⟦oth3rPw99⟧"}
{"field":"password","old":"⟦S3cr3tPw9⟧","new":"⟦oth3rPw99⟧"}
{"field":"password","fieldtype":"jira","from":null,"fromString":"⟦S3cr3tPw9⟧","to":null,"toString":"⟦oth3rPw99⟧"}
{"attribute":"password","oldValue":"⟦S3cr3tPw9⟧","newValue":"⟦oth3rPw99⟧"}
{"property":"password","old_value":"⟦S3cr3tPw9⟧","new_value":"⟦oth3rPw99⟧"}
{"detail":[{"type":"string_too_short","loc":["body","password"],"msg":"String should have at least 8 characters","input":"⟦S3cr3tPw9⟧","ctx":{"min_length":8}}]}
[{'type': 'string_too_short', 'loc': ('body', 'password'), 'msg': 'String should have', 'input': '⟦S3cr3tPw9⟧'}]
[{'type': 'string_too_short', 'loc': ('password',), 'msg': 'String should have', 'input': '⟦S3cr3tPw9⟧', 'url': 'https://errors'}]
{"errors":[{"codes":["Size"],"objectName":"user","field":"password","rejectedValue":"⟦S3cr3tPw9⟧","bindingFailure":false}]}
{"field":"password","message":"too short","rejectedValue":"⟦S3cr3tPw9⟧"}
{"objectName":"user","rejectedValue":"⟦S3cr3tPw9⟧","field":"password"}
{"type":"field","value":"⟦S3cr3tPw9⟧","msg":"Invalid value","path":"password","location":"body"}
[{"value":"⟦S3cr3tPw9⟧","msg":"Invalid value","param":"password","location":"body"}]
{"value":"⟦S3cr3tPw9⟧","name":"DB_PASSWORD"}
{"value":"⟦S3cr3tPw9⟧","property":"password","constraints":{"minLength":"short"}}
{"target":{"a":"b"},"value":"⟦S3cr3tPw9⟧","property":"password","children":[]}
{ type: 'field', value: '⟦S3cr3tPw9⟧', msg: 'Invalid value', path: 'password', location: 'body' }
{"m":"[{\"value\":\"⟦S3cr3tPw9⟧\",\"msg\":\"Invalid value\",\"param\":\"password\"}]"}
{"PropertyName":"Password","ErrorMessage":"too short","AttemptedValue":"⟦S3cr3tPw9⟧","Severity":0}
ConstraintViolationImpl{interpolatedMessage='size must be', propertyPath=password, rootBeanClass=class X, messageTemplate='{x.y}', invalidValue='⟦S3cr3tPw9⟧'}
Map.of("password","⟦S3cr3tPw9⟧")
Map.of("user", "ada", "password", "⟦S3cr3tPw9⟧")
ImmutableMap.of("password", "⟦S3cr3tPw9⟧")
("password" "⟦S3cr3tPw9⟧")
(("user" "ada") ("password" "⟦S3cr3tPw9⟧"))
<Data Name="Password">⟦S3cr3tPw9⟧</Data>
<Data Name='TargetPassword'>⟦S3cr3tPw9⟧</Data>
<Property Name="Password"><Value>⟦S3cr3tPw9⟧</Value></Property>
<add key="ApiKey" value="⟦S3cr3tPw9⟧"/>
<add value="⟦S3cr3tPw9⟧" key="ApiKey"/>
<Add Key="ApiKey" Value="⟦S3cr3tPw9⟧"/>
<SetParameter Name="Password" Value="⟦S3cr3tPw9⟧" />
<param value="⟦S3cr3tPw9⟧" name="password"/>
Found key 'spring.datasource.password' in PropertySource 'x' with value '⟦S3cr3tPw9⟧'
Found key 'spring.datasource.password' in PropertySource 'Config resource 'class path resource [application.yml]' via location 'optional:classpath:/'' with value '⟦S3cr3tPw9⟧'
Resolved placeholder 'db.password' to '⟦S3cr3tPw9⟧'
Resolved placeholder 'db.password' to '⟦S3 cr3t Pw9⟧'
ValidationError: "password" with value "⟦S3cr3tPw9⟧" fails to match the required pattern
Cfg { password: Password { value: "⟦S3cr3tPw9⟧" } }
Cfg { password: Some(Secret { inner: "⟦S3cr3tPw9⟧" }), user: "a" }
password: SecretString { inner: "⟦S3cr3tPw9⟧" }
[Password, ⟦S3cr3tPw9⟧]
["Password", "⟦S3cr3tPw9⟧"]
args=[--password, ⟦S3cr3tPw9⟧, --x]
cmd: [app, --token, ⟦S3cr3tPw9⟧]
1 validation error for User\npassword\n  String should have at least 12 characters [type=string_too_short, input_value='⟦S3cr3tPw9⟧', input_type=str]
{"instancePath":"/password","schemaPath":"#/x","keyword":"minLength","params":{"limit":8},"message":"must NOT","data":"⟦S3cr3tPw9⟧"}
"##,
    );
}

#[test]
fn names_next_to_names_stay() {
    check_misses(
        r#"
{"required":["password","email"]}
{"fields":["password","address2"]}
["token","jwt"]
["secret","base64"]
{"name":"get_token","input":{"user":"ada"}}
{"path":"/api/token","from":"a","to":"b"}
{"path":"/reset-password","data":"ok"}
{"field":"password","message":"must be at least 8 characters","code":"Size"}
{"loc":["body","password"],"msg":"field required","type":"value_error.missing"}
{"loc":["body","email"],"msg":"x","input":"ada"}
{"value":"12","unit":"ms","name":"latency"}
{"value":3,"name":"token_count"}
{"event":"token","from":"a","to":"b"}
cannot convert 'password' to 'String'
column 'password' to 'pwd'
Could not resolve placeholder 'db.password' in value "${db.password}"
Field 'password' with value of type String
"password" is required; "password" length must be at least 8 characters long
Map.of("user", "password")
[Password, Email]
[password, email2]
args=[--password, --x]
usage: app [--password, -p]
<Data Name="TargetUserName">ada</Data>
<xs:element name="password" type="xs:string"/>
<input value="Sign in" name="submit"/>
("password" or "token")
fields {\n key: "user" value { string_value: "ada" } }
1 validation error for User\npassword\n  Field required [type=missing, input={}]
http.Header{"Accept":[]string{"*/*"}}
Cfg { token: Token { kind: "x" } }
{"method":"password","type":"login"}
{"value":null,"name":"token"}
["password","confirm_password"]
["token","user_id1"]
"#,
    );
}
