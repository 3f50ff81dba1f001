package snippet

// Languages are those of a call, in the order in which they are shown. Each call sends the header, follows no
// redirect with the token in it to another host, and prints the status and the body whatever the status is.
var Languages = []Language{
	{Name: "curl", quote: shell, keywords: " curl ", code: `curl -i -H «header» «address»
`},
	{Name: "C#", quote: double, keywords: " using var await new int ", code: `using System.Net.Http.Headers;

using var client = new HttpClient();
client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", «token»);
using var response = await client.GetAsync(«address»);
Console.WriteLine((int)response.StatusCode);
Console.WriteLine(await response.Content.ReadAsStringAsync());
`},
	{Name: "Go", quote: double, keywords: " package import func if nil defer ", code: `package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
)

func main() {
	req, err := http.NewRequest("GET", «address», nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", «bearer»)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(res.Status, string(body), err)
}
`},
	{Name: "Java", quote: double, keywords: " import class public static void throws var ", code: `import java.net.URI;
import java.net.http.*;

class Call {
    public static void main(String[] args) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(«address»))
            .header("Authorization", «bearer»)
            .build();
        var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(response.statusCode() + " " + response.body());
    }
}
`},
	{Name: "Node", quote: double, keywords: " const await ", code: `// call.mjs, Node 18 or later
const response = await fetch(«address», {
  headers: { Authorization: «bearer» },
});
console.log(response.status, await response.text());
`},
	{Name: "Objective-C", quote: objectiveC, keywords: " #import int return nil @autoreleasepool ", code: `#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        NSMutableURLRequest *request = [NSMutableURLRequest requestWithURL:[NSURL URLWithString:«address»]];
        [request setValue:«bearer» forHTTPHeaderField:@"Authorization"];
        dispatch_semaphore_t done = dispatch_semaphore_create(0);
        [[NSURLSession.sharedSession dataTaskWithRequest:request
            completionHandler:^(NSData *data, NSURLResponse *response, NSError *error) {
                NSLog(@"%@ %@", error ?: response, data ? [[NSString alloc] initWithData:data encoding:NSUTF8StringEncoding] : @"");
                dispatch_semaphore_signal(done);
            }] resume];
        dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
    }
    return 0;
}
`},
	{Name: "PHP", quote: single, keywords: " php true false echo ", code: `<?php
$context = stream_context_create(['http' => [
    'header' => «header»,
    'follow_location' => 0,
    'ignore_errors' => true,
]]);
$body = file_get_contents(«address», false, $context);
echo $http_response_header[0], "\n", $body, "\n";
`},
	{Name: "Python", quote: double, keywords: " import ", code: `import http.client

connection = http.client.HTTPSConnection(«host»)
connection.request("GET", «target», headers={"Authorization": «bearer»})
response = connection.getresponse()
print(response.status, response.read().decode())
`},
	{Name: "Ruby", quote: single, keywords: " require do end puts ", code: `require 'net/http'

url = URI(«address»)
request = Net::HTTP::Get.new(url)
request['Authorization'] = «bearer»
response = Net::HTTP.start(url.hostname, url.port, use_ssl: url.scheme == 'https') do |http|
  http.request(request)
end
puts response.code, response.body
`},
	{Name: "Swift", quote: double, keywords: " import let var try await as ", code: `import Foundation

var request = URLRequest(url: URL(string: «address»)!)
request.setValue(«bearer», forHTTPHeaderField: "Authorization")
let (data, response) = try await URLSession.shared.data(for: request)
print((response as! HTTPURLResponse).statusCode)
print(String(decoding: data, as: UTF8.self))
`},
}
